"""NIfTI files: every type and byte order, scales, colours, pairs, places."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.nifti import CHANGED, open_nifti, write_nifti
from nrgan.frames.opened import Region

nib = pytest.importorskip("nibabel")

TYPES = ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
AFFINE = np.array([[0, -2.0, 0, 5], [1.5, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])


def save(path: Path, array: np.ndarray, order: str = "<", kind: str = "Nifti1Image", scale: object = None) -> Path:
    """array: axes X, Y, Z, T, as nibabel has them."""
    make = getattr(nib, kind)
    header = make.header_class(endianness=order)
    header.set_data_dtype(array.dtype)
    header.set_xyzt_units("mm", "sec")
    header["descrip"] = b"made for a test"
    image = make(array, AFFINE, header, dtype=array.dtype)
    image.set_qform(AFFINE, 1)
    image.header.set_slope_inter(*(scale or (1, 0)))
    nib.save(image, path)
    return path


@LAW
@given(
    st.sampled_from(TYPES),
    st.sampled_from("<>"),
    st.sampled_from(["Nifti1Image", "Nifti2Image"]),
    st.lists(st.integers(1, 5), min_size=3, max_size=5),
    st.integers(0, 99),
)
def test_every_type_comes_and_goes_as_it_is(dtype: str, order: str, kind: str, shape: list[int], seed: int) -> None:
    with folder() as place:
        array = values(tuple(shape), dtype, seed)
        path = save(place / "a.nii", array, order, kind)
        stored = np.asanyarray(nib.load(path).dataobj)
        for source in (source_of(path), in_archive(path)):
            found = check_read(open_nifti(source), seed)
            planes = stored.reshape(*stored.shape[:2], -1, order="F")
            for n, image in enumerate(found):
                assert same(image.pixels[..., 0], planes[..., n].T)
        check_written(open_nifti, write_nifti, CHANGED, source_of(path), place / "b.nii", seed)


def test_axes_sizes_and_words(tmp_path: Path) -> None:
    opened = open_nifti(source_of(save(tmp_path / "a.nii", np.zeros((4, 5, 6, 7), np.int16))))
    assert opened.axes == (("T", 7), ("Z", 6)) and opened.shape(0) == (5, 4, 1)
    assert opened.about.repeats == "RT" and opened.about.unit == "mm"
    assert opened.about.pixel_size == pytest.approx({"X": 1.5, "Y": 2, "Z": 3})
    assert opened.about.header["descrip"] == "made for a test"


def test_a_region_stays_where_it_is_in_space(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.arange(120, dtype=np.int16).reshape(4, 5, 6))
    region = Region(2, 1, 3, 2)
    opened = open_nifti(source_of(path))
    write_nifti(
        source_of(path),
        open_nifti(source_of(path)),
        [opened.read(n, region).pixels for n in range(6)],
        tmp_path / "b.nii",
        region,
    )
    old, new = nib.load(path), nib.load(tmp_path / "b.nii")
    assert np.array_equal(new.get_fdata(), old.get_fdata()[1:3, 2:5])
    assert np.allclose(new.affine, old.slicer[1:3, 2:5].affine)
    assert np.allclose(new.get_qform(), new.affine, atol=1e-5)


def test_scaled_values_are_floats(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", values((4, 5, 2), "i2", 2))
    image = nib.Nifti1Header(path.read_bytes()[:348], check=False)
    image["scl_slope"], image["scl_inter"] = 0.25, 3
    path.write_bytes(image.binaryblock + path.read_bytes()[348:])
    expected = nib.load(path).get_fdata()[..., 1].T.astype(np.float32)
    assert same(check_read(open_nifti(source_of(path)), 1)[1].pixels[..., 0], expected)
    check_written(open_nifti, write_nifti, CHANGED, source_of(path), tmp_path / "b.nii", 1)


def test_colours_are_samples(tmp_path: Path) -> None:
    colours = values((4, 5, 2, 3), "u1", 1)
    packed = np.ascontiguousarray(colours).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    path = save(tmp_path / "a.nii", packed)
    assert same(check_read(open_nifti(source_of(path)), 1)[1].pixels, colours[:, :, 1].swapaxes(0, 1))
    check_written(open_nifti, write_nifti, CHANGED, source_of(path), tmp_path / "b.nii", 1)


def test_pairs_and_packed_files(tmp_path: Path) -> None:
    array = values((4, 5, 2), "i2", 1)
    single = open_nifti(source_of(save(tmp_path / "a.nii", array)))
    save(tmp_path / "p.img", array, kind="Nifti1Pair")
    packed = save(tmp_path / "z.nii.gz", array)
    for path in (tmp_path / "p.hdr", packed):
        assert same(open_nifti(source_of(path)).read(1).pixels, single.read(1).pixels)
        check_written(open_nifti, write_nifti, CHANGED, source_of(path), tmp_path / ("b" + path.name), 1)
    assert gzip.decompress((tmp_path / "bz.nii.gz").read_bytes())
    (tmp_path / "p.img").unlink()
    with pytest.raises(Unreadable, match=r"p\.img"):
        open_nifti(source_of(tmp_path / "p.hdr"))
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(Unreadable):
        open_nifti(source_of(packed))


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", values((4, 5, 6), "i2", 1))
    check_damage(open_nifti, path, 360)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Unreadable, match="cut short"):
        open_nifti(source_of(path))
