"""LIF files, made here as Leica lays them out: what is told in XML, and a block of memory for each series."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames.row_files import LAW, check_damage, check_read, folder, in_archive, same, source_of, values
from nrgan.errors import UserError
from nrgan.frames.formats.lif import open_lif

pytest.importorskip("liffile")

NUMBERS = {"X": 1, "Y": 2, "Z": 3, "T": 4}


def _text(text: str) -> bytes:
    return struct.pack("<BI", 0x2A, len(text)) + text.encode("utf-16-le")


def _series(number: int, array: np.ndarray, axes: str) -> str:
    """What is told of an array, whose axes are in order; C is the outermost where it is there."""
    steps = dict(zip(axes, array.strides, strict=True))
    bits = 8 * array.dtype.itemsize
    channels = array.shape[0] if axes[0] == "C" else 1
    told = [
        f'<ChannelDescription DataType="{int(array.dtype.kind == "f")}" ChannelTag="0" Resolution="{bits}" '
        'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="Green" IsLUTInverted="0" '
        f'BytesInc="{channel * steps.get("C", 0)}" BitInc="0"/>'
        for channel in range(channels)
    ]
    sides = [
        f'<DimensionDescription DimID="{NUMBERS[axis]}" NumberOfElements="{side}" Origin="0" '
        f'Length="{(side - 1) * 2e-7}" Unit="m" BitInc="0" BytesInc="{steps[axis]}"/>'
        for axis, side in reversed(list(zip(axes, array.shape, strict=True)))
        if axis != "C"
    ]
    return (
        f'<Element Name="series{number}"><Data><Image><ImageDescription><Channels>{"".join(told)}</Channels>'
        f"<Dimensions>{''.join(sides)}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{array.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )


def save(path: Path, arrays: list[np.ndarray], axes: str) -> Path:
    series = "".join(_series(number, array, axes) for number, array in enumerate(arrays))
    told = _text(
        f'<LMSDataContainerHeader Version="2"><Element Name="file"><Data/><Memory Size="0" MemoryBlockID="MemBlock_x"/>'
        f"<Children>{series}</Children></Element></LMSDataContainerHeader>"
    )
    file = struct.pack("<II", 0x70, len(told)) + told
    for number, array in enumerate(arrays):
        head = struct.pack("<BQ", 0x2A, array.nbytes) + _text(f"MemBlock_{number}")
        file += struct.pack("<II", 0x70, len(head)) + head + array.tobytes()
    path.write_bytes(file)
    return path


@LAW
@given(st.sampled_from(["u1", "<u2", "<f4"]), st.sampled_from(["YX", "CYX", "TZYX", "CZYX"]), st.integers(0, 99))
def test_series_are_images(dtype: str, axes: str, seed: int) -> None:
    sides = {"T": 3, "C": 2, "Z": 2, "Y": 5, "X": 7}
    shape = tuple(sides[axis] for axis in axes)
    arrays = [values(shape, dtype, seed + n) for n in range(1 + seed % 2)]
    meant = np.stack([np.moveaxis(array, 0, -1) if axes[0] == "C" else array for array in arrays])
    with folder() as place:
        path = save(place / "a.lif", arrays, axes)
        for source in (source_of(path), in_archive(path)):
            opened = open_lif(source)
            found = check_read(opened, seed)
            assert len(found) == len(arrays) * math.prod(sides[axis] for axis in axes if axis in "TZ")
            assert same(np.stack([image.pixels for image in found]).reshape(meant.shape), meant)
            assert opened.about.pixel_size["X"] == pytest.approx(0.2) and opened.about.unit == "µm"


def test_series_of_several_shapes_are_asked_about(tmp_path: Path) -> None:
    path = save(tmp_path / "a.lif", [values((5, 7), "u1", 1), values((6, 7), "u1", 1)], "YX")
    with pytest.raises(UserError, match="series0"):
        open_lif(source_of(path))


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.lif", [values((2, 3, 8, 9), "<u2", 1)], "CZYX")
    check_damage(open_lif, path, path.stat().st_size, 200)
