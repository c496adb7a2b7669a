"""A kind of file is a row: what its format says of an image reaches whoever reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrgan.data import open_data
from nrgan.frames import Fit, Frame, FrameSet, Patches, PatchPlace, SensorPlace, open_frames
from nrgan.frames.file_slice import FileSlice
from nrgan.frames.formats import FORMATS, is_image
from nrgan.frames.formats.row import Format
from nrgan.frames.opened import Decoded, Opened, Region
from nrgan.settings import choose_data
from own_files import Pixels, folder, noise

SIDES = (72, 80)
CORNER = SensorPlace(100, 40)


def pixels_of(number: int) -> Pixels:
    return noise("uint16", *SIDES, 2, seed=number)


class Part(Opened):
    """The file holds a digit; the image that it stands for lies somewhere on a sensor."""

    def __init__(self, source: FileSlice) -> None:
        self.digit = int(source.load())

    def read(self, number: int, region: Region | None = None) -> Decoded:
        place = SensorPlace(CORNER.top * self.digit, CORNER.left * self.digit)
        return Decoded(pixels_of(self.digit), place=place, header={"exposure": self.digit / 2}).of(region)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FrameSet:
    """Three images of a kind of file that has a place and a header, and one that is not to be read."""
    monkeypatch.setitem(FORMATS, "part", Format((".part",), Part))
    return open_frames(str(folder(tmp_path, {f"{digit}.part": b"%d" % digit for digit in (3, 0, 1)})))


def test_a_row_brings_place_and_header(parts: FrameSet) -> None:
    for index, digit in enumerate((0, 1, 3)):
        frame = parts.read(index)
        assert (frame.index, frame.name, frame.axes) == (index, f"{digit}.part", "YXC")
        assert frame.place == parts.place(index) == SensorPlace(100 * digit, 40 * digit)
        assert frame.header == {"exposure": digit / 2}
        assert np.array_equal(frame.pixels, pixels_of(digit))


@pytest.mark.parametrize("how", ["crop", "tiles", "resize"])
def test_patches_know_their_frame_and_place(how: str, parts: FrameSet) -> None:
    patches = Patches(parts, Fit(24, how))  # type: ignore[arg-type]
    for index in range(len(patches)):
        place = patches.place(index)
        frame = parts.read(place.frame)
        top, left = place.top - frame.place.top, place.left - frame.place.left
        side = round(place.scale * 24)
        square = frame.pixels[top : top + side, left : left + side]
        assert square.shape == (side, side, 2)
        if how == "resize":
            assert place.scale == 3 and (top, left) == (0, 4)
            means = square.reshape(24, 3, 24, 3, 2).mean((1, 3))
            np.testing.assert_allclose(patches.read(index), means, atol=0.51)
        else:
            assert place.scale == 1 and np.array_equal(square, patches.read(index))
    with pytest.raises(IndexError):
        patches.place(len(patches))


def test_training_images_know_their_origin(parts: FrameSet) -> None:
    data = open_data(choose_data(parts.path, 16, fit="tiles", value_range="0,65535"))
    origins = [data.origin(index) for index in range(len(data))]  # type: ignore[attr-defined]
    assert len(set(origins)) == len(data) == 3 * 5 * 5
    assert origins[0] == PatchPlace(0, 0, 0) and origins[-1] == PatchPlace(2, 3 * 100 + 56, 3 * 40 + 64)
    for index in (7, 33, 74):
        frame, origin = parts.read(origins[index].frame), origins[index]
        top, left = origin.top - frame.place.top, origin.left - frame.place.left
        unit = data.value_range.to_unit(frame.pixels[top : top + 16, left : left + 16])
        assert np.array_equal(data.noisy(np.array([index]))[0], unit.transpose(2, 0, 1))


def test_names_of_every_row_are_images() -> None:
    suffixes = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    for suffix in suffixes:
        assert is_image(f"a{suffix}") and is_image(f"A{suffix.upper()}") and not is_image(suffix[1:])


def test_a_frame_has_all_its_axes() -> None:
    with pytest.raises(ValueError, match="do not have the axes YXC"):
        Frame(np.zeros((4, 4)), 0, "grey")


def test_reading_needs_no_torch() -> None:
    code = "import sys, nrgan.frames; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
