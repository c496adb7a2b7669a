"""MRC files: every mode and byte order, stacks and volumes, in place and packed."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, check_written, folder, in_archive, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.mrc import CHANGED, open_mrc, write_mrc
from nrgan.frames.opened import Region

mrcfile = pytest.importorskip("mrcfile")

TYPES = ("i1", "i2", "f4", "u2", "f2")


def mrc(path: Path, array: np.ndarray, kind: str = "stack", order: str = "<") -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(array.astype(array.dtype.newbyteorder(order)))
        if array.ndim == 3:
            file.set_image_stack() if kind == "stack" else file.set_volume()
        file.voxel_size = 1.5
        file.header.nxstart = 3
        file.add_label("made for a test")
    return path


@LAW
@given(
    st.sampled_from(TYPES),
    st.sampled_from("<>"),
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.integers(0, 99),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_type_comes_and_goes_as_it_is(dtype: str, order: str, shape: list[int], seed: int) -> None:
    with folder() as place:
        array = values(tuple(shape), dtype, seed)
        path = mrc(place / "a.mrc", array, "stack" if seed % 2 else "volume", order)
        found = check_read(open_mrc(source_of(path)), seed)
        with mrcfile.open(path) as file:
            assert same(np.concatenate([one.pixels[None, ..., 0] for one in found]).reshape(file.data.shape), file.data)
        held = check_read(open_mrc(in_archive(path)), seed)
        assert all(same(one.pixels, other.pixels) for one, other in zip(found, held, strict=True))
        check_written(open_mrc, write_mrc, CHANGED, source_of(path), place / "b.mrc", seed)
        # statistics of values that are no numbers are none
        assert dtype[0] == "f" or mrcfile.validate(str(place / "b.mrc"), print_file=io.StringIO())


def test_axes_sizes_and_words(tmp_path: Path) -> None:
    array = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    volume = open_mrc(source_of(mrc(tmp_path / "v.mrc", array, "volume")))
    stack = open_mrc(source_of(mrc(tmp_path / "s.mrc", array)))
    assert (volume.axes, stack.axes) == ((("Z", 5),), (("N", 5),))
    assert stack.about.pixel_size["X"] == pytest.approx(1.5) and stack.about.unit == "Å"
    assert stack.about.header["nxstart"] == 3 and "made for a test" in str(stack.about.header["label"])


def test_a_region_says_where_it_lies(tmp_path: Path) -> None:
    array = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    path = mrc(tmp_path / "s.mrc", array)
    opened = open_mrc(source_of(path))
    region = Region(2, 1, 3, 4)
    write_mrc(
        source_of(path),
        open_mrc(source_of(path)),
        (opened.read(n, region).pixels for n in range(5)),
        tmp_path / "p.mrc",
        region,
    )
    part = open_mrc(source_of(tmp_path / "p.mrc"))
    assert part.about.header["nxstart"] == 4 and part.about.header["nystart"] == 2
    assert part.about.header["origin.x"] == pytest.approx(1.5) and part.about.header["origin.y"] == pytest.approx(3)
    assert part.about.pixel_size == pytest.approx(opened.about.pixel_size)


@pytest.mark.parametrize("packer", [gzip, bz2])
def test_packed_files(tmp_path: Path, packer: object) -> None:
    path = mrc(tmp_path / "a.mrc", values((4, 5, 6), "f4", 1))
    packed = tmp_path / "a.mrc.gz"
    packed.write_bytes(packer.compress(path.read_bytes()))
    assert same(open_mrc(source_of(packed)).read(2).pixels, open_mrc(source_of(path)).read(2).pixels)
    check_written(open_mrc, write_mrc, CHANGED, source_of(packed), tmp_path / "b.mrc.gz", 1)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(Unreadable):
        open_mrc(source_of(packed))


def test_imods_unsigned_bytes(tmp_path: Path) -> None:
    path = mrc(tmp_path / "a.mrc", values((4, 5), "i1", 1))
    data = bytearray(path.read_bytes())
    data[152:160] = (1146047817).to_bytes(4, "little") + bytes(4)
    path.write_bytes(data)
    assert open_mrc(source_of(path)).read(0).pixels.dtype == np.uint8


def test_damaged_files(tmp_path: Path) -> None:
    path = mrc(tmp_path / "a.mrc", values((4, 5, 6), "i2", 1))
    check_damage(open_mrc, path, 300)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Unreadable, match="cut short"):
        open_mrc(source_of(path))
