"""ND2 files: what is damaged is refused. No small one may be kept here: images come from a stand-in for its library."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from frames.row_files import check_read, same, source_of, values
from nrgan.frames.file_slice import Unreadable
from nrgan.frames.formats.nd2_file import open_nd2

nd2 = pytest.importorskip("nd2")


class Words(NamedTuple):
    bitsPerComponentSignificant: int = 12  # as the library calls it
    compressionType: str | None = None


class StandIn:
    """What is used of `nd2.ND2File`; a frame holds the channels of one time and depth."""

    array: ClassVar[np.ndarray]
    sizes: ClassVar[dict[str, int]]
    opened: ClassVar[int] = 0
    dtype = np.dtype("u2")
    attributes = Words()
    metadata = SimpleNamespace(
        channels=[SimpleNamespace(channel=SimpleNamespace(name=name)) for name in ("red", "far")]
    )

    def __init__(self, path: str) -> None:
        StandIn.opened += 1

    def voxel_size(self) -> tuple[float, float, float]:
        return 0.5, 0.25, 2.0

    def read_frame(self, number: int) -> np.ndarray:
        return self.array.reshape(-1, *self.array.shape[2:])[number]

    def close(self) -> None:
        StandIn.opened -= 1


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(nd2, "ND2File", StandIn)
    StandIn.array = values((3, 2, 2, 5, 7), "u2", 1)
    StandIn.sizes = dict(zip("TZCYX", StandIn.array.shape, strict=True))
    path = tmp_path / "a.nd2"
    path.write_bytes(StandIn.array.tobytes())
    return path


def test_frames_are_images(path: Path) -> None:
    opened = open_nd2(source_of(path))
    assert opened.axes == (("T", 3), ("Z", 2)) and StandIn.opened == 1
    found = check_read(opened, 1)
    array = np.moveaxis(StandIn.array, 2, -1)
    assert same(np.stack([image.pixels for image in found]).reshape(array.shape), array)
    about = opened.about
    assert about.channels == ("red", "far") and about.pixel_size == {"X": 0.5, "Y": 0.25, "Z": 2.0}
    assert about.header == {"bitsPerComponentSignificant": 12}
    del opened
    assert StandIn.opened == 0


def test_a_file_that_changes_is_not_read(path: Path) -> None:
    opened = open_nd2(source_of(path))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(Unreadable, match="has changed"):
        opened.read(0)
    with pytest.raises(Unreadable, match="cut short"):
        path.write_bytes(b"?")
        open_nd2(source_of(path))


def test_frames_of_another_size_are_refused(path: Path) -> None:
    opened = open_nd2(source_of(path))
    StandIn.array = StandIn.array[..., :-1]
    with pytest.raises(Unreadable, match="shape"):
        opened.read(0)
