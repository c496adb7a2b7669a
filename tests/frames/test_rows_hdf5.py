"""HDF5 files: which data set, which axes, chunks, links that lead elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.errors import UserError
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.hdf5 import CHANGED, open_hdf5, write_hdf5
from nrgan.frames.opened import Region

h5py = pytest.importorskip("h5py")

TYPES = ("u1", "i1", "<i2", ">u2", "<i4", ">u4", "i8", "<f2", ">f4", "f8", "?")


def save(path: Path, array: np.ndarray, labels: str = "", **packing: object) -> Path:
    with h5py.File(path, "w") as file:
        found = file.create_dataset("scan/data", data=array, **packing)
        for n, label in enumerate(labels):
            found.dims[n].label = label
        found.attrs["exposure"], file.attrs["sample"] = 2.5, "dust"
    return path


@LAW
@given(
    st.sampled_from(TYPES), st.integers(0, 2), st.tuples(st.integers(16, 19), st.integers(16, 19)), st.integers(0, 99)
)
def test_every_type_comes_and_goes_as_it_is(dtype: str, axes: int, sides: tuple[int, int], seed: int) -> None:
    with folder() as place:
        array = values((*(2, 3)[:axes], *sides), dtype, seed)
        packing = {"chunks": True, "compression": "gzip", "shuffle": True} if seed % 2 else {}
        path = save(place / "a.h5", array, "tzyx"[-2 - axes :], **packing)
        for source in (source_of(path), in_archive(path), source_of(path, "/scan/data")):
            found = check_read(open_hdf5(source), seed)
            assert same(np.stack([one.pixels[..., 0] for one in found]).reshape(array.shape), array)
            check_written(open_hdf5, write_hdf5, CHANGED, source, place / "b.h5", seed, 16)


def test_axes_and_words(tmp_path: Path) -> None:
    opened = open_hdf5(source_of(save(tmp_path / "a.h5", np.zeros((2, 3, 16, 17)), "tzyx")))
    assert opened.axes == (("T", 2), ("Z", 3)) and opened.about.named_by == "the file"
    assert opened.about.header == {"exposure": 2.5, "sample": "dust"}
    assert not open_hdf5(source_of(save(tmp_path / "b.h5", np.zeros((16, 17))))).about.named_by


def test_nexus_says_which_and_what(tmp_path: Path) -> None:
    array = values((4, 16, 17), "u2", 1)
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        group = file.create_group("entry/measured")
        file.attrs["default"], file["entry"].attrs["default"] = "entry", "measured"
        group.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["energy", "y", "x"]})
        group["counts"], group["other"] = array, array
        group["y"], group["x"] = np.arange(16) * 0.5, np.arange(17) * 0.5
        group["y"].attrs["units"] = group["x"].attrs["units"] = "mm"
    opened = open_hdf5(source_of(tmp_path / "a.nxs"))
    assert opened.axes == (("E", 4),) and opened.about.pixel_size == {"Y": 0.5, "X": 0.5} and opened.about.unit == "mm"
    region = Region(2, 3, 5, 6)
    parts = [opened.read(n, region).pixels for n in range(4)]
    write_hdf5(source_of(tmp_path / "a.nxs"), opened, parts, tmp_path / "b.nxs", region)
    with h5py.File(tmp_path / "b.nxs") as file:
        assert np.array_equal(file["entry/measured/counts"], array[:, 2:7, 3:9])
        assert file["entry/measured/x"][0] == 1.5 and len(file["entry/measured/y"]) == 5


def test_emd_names_its_axes(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/one")
        group.attrs["emd_group_type"] = 1
        group["data"] = values((16, 17, 5), "f4", 1)
        for n, (name, side) in enumerate([("x", 16), ("y", 17), ("time", 5)], 1):
            group[f"dim{n}"] = np.arange(side) * 0.1
            group[f"dim{n}"].attrs.update({"name": name, "units": "[n_m]"})
    opened = open_hdf5(source_of(tmp_path / "a.emd"))
    assert opened.axes == (("T", 5),) and opened.shape(0) == (17, 16, 1) and opened.about.unit == "nm"


def test_several_are_asked_about(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"], file["two"], file["note"] = np.zeros((16, 17)), np.ones((16, 17)), np.zeros(1000)
    with pytest.raises(UserError, match=r"/one, /two.*a\.h5:/one"):
        open_hdf5(source_of(tmp_path / "a.h5"))
    assert open_hdf5(source_of(tmp_path / "a.h5", "/two")).read(0).pixels.min() == 1
    with pytest.raises(Unreadable):
        open_hdf5(source_of(tmp_path / "a.h5", "/three"))


def test_data_sets_of_one_name_are_one_set(tmp_path: Path) -> None:
    scans = [values((n, 20, 17), "u1", n) for n in (4, 1, 3)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for n, scan in enumerate(scans):
            file[f"scan {n}/EBSD/Data/patterns"] = scan
            file[f"scan {n}/EBSD/Header/static_background"] = scan[0]
            file[f"scan {n}/small"] = np.zeros((15, 2000))
    source = source_of(tmp_path / "a.h5")
    opened = open_hdf5(source)
    assert opened.axes == (("N", 8),) and opened.about.header["arrays"].count("/EBSD/Data/patterns") == 3
    found = check_read(opened, 1)
    assert same(np.stack([one.pixels[..., 0] for one in found]), np.concatenate(scans))
    check_written(open_hdf5, write_hdf5, CHANGED, source, tmp_path / "b.h5", 3, 16)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["view"] = np.zeros((30, 50))
        for n in range(3):
            file.move(f"scan {n}/EBSD/Data", f"scan {n}/measured")
    with pytest.raises(UserError, match="/scan 2/measured/patterns, /view"):
        open_hdf5(source)


def test_axes_that_are_open_can_be_named(tmp_path: Path) -> None:
    array = values((3, 2, 16, 17), "u2", 1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one/values"], file["two/values"] = array, array[:2]
    opened = open_hdf5(source_of(tmp_path / "a.h5", "/one/values")).renamed("TZYX")
    assert opened.axes == (("T", 3), ("Z", 2)) and same(opened.read(5).pixels[..., 0], array[2, 1])
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["one/values"], file["two/values"] = array[None], array[None, :2]
    opened = open_hdf5(source_of(tmp_path / "b.h5"))
    with pytest.raises(UserError, match="say what its axes are"):
        opened.named()
    with pytest.raises(UserError, match="names 2 axes"):
        opened.renamed("YX")
    assert opened.renamed("NTZYX").count == 10


def test_nothing_leads_out_of_the_file(tmp_path: Path) -> None:
    save(tmp_path / "secret.h5", np.zeros((16, 17)))
    (tmp_path / "bytes").write_bytes(bytes(16 * 17))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["link"] = h5py.ExternalLink("secret.h5", "/scan/data")
        file["soft"] = h5py.SoftLink("/link")
        layout = h5py.VirtualLayout((16, 17), "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "scan/data", (16, 17))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("stored", (16, 17), "u1", external=[(str(tmp_path / "bytes"), 0, 16 * 17)])
    for member in ("/link", "/soft", "/virtual", "/stored"):
        with pytest.raises(Unreadable):
            open_hdf5(source_of(tmp_path / "a.h5", member))


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", values((3, 16, 17), "i2", 1), "zyx", chunks=(1, 16, 17), compression="gzip")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(OSError, match="truncated"):
        open_hdf5(source_of(path))
    path.write_bytes(data)
    check_damage(open_hdf5, path, 600, 20)
    assert open_hdf5(replace(source_of(path), member="")).count == 3
