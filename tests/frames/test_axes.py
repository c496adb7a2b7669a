"""Axes have names: read from the file, told by the user, or asked for; never guessed in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nrgan.errors import UserError
from nrgan.frames import Wanted, open_frames
from own_files import folder, noise, npy, png


def saved(tmp_path: Path, *shape: int) -> str:
    np.save(tmp_path / "a.npy", noise("uint16", *shape))
    return str(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((128, 96, 24, 2), "YXZT"), ((96, 96, 14), "YXZ"), ((64, 64, 36, 10), "YXZT"), ((91, 109, 91, 2), "YXZT")],
)
def test_a_volume_as_its_library_gives_it_is_asked_about(shape: tuple[int, ...], axes: str, tmp_path: Path) -> None:
    path = saved(tmp_path, *shape)
    with pytest.raises(UserError, match=f"say what its axes are, such as axes .* or axes {axes}"):
        open_frames(path)
    volume, frames = np.load(path), open_frames(path, wanted=Wanted(axes=axes))
    assert len(frames) == np.prod(shape[2:]) and frames.channels == 1 and tuple(frames.sizes[0]) == shape[:2]
    assert np.array_equal(frames.read(len(frames) - 1).pixels[..., 0], volume.reshape(*shape[:2], -1)[..., -1])


@pytest.mark.parametrize(
    "shape", [(50, 32, 32, 5), (300, 64, 64, 2), (13, 24, 33, 5), (40, 32, 30, 3), (40, 3, 32, 30)]
)
def test_what_the_shape_leaves_no_doubt_of_is_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    frames = open_frames(saved(tmp_path, *shape))
    assert len(frames) == shape[0] and frames.channels in shape[1:]
    assert f"Read as {shape[0]} images of " in frames.reading and f"{frames.channels} channels" in frames.reading


def test_repeats_are_kept_as_repeats(tmp_path: Path) -> None:
    frames = open_frames(saved(tmp_path, 5, 3, 24, 32), wanted=Wanted(axes="ZRYX"))
    assert frames.reading.startswith("Read as 5 images of 32x24 pixels, 3 repeats each, 1 channel, uint16; axes Z5 R3")
    assert frames.scenes.tolist() == [z for z in range(5) for _ in range(3)]
    assert open_frames(saved(tmp_path, 5, 24, 32)).scenes.tolist() == [0, 1, 2, 3, 4]


def test_axes_of_a_tiff_can_be_told(tmp_path: Path) -> None:
    stack = noise("uint8", 4, 3, 24, 20)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    with pytest.raises(UserError, match="two unnamed axes; say what its axes are, such as axes TCYX"):
        open_frames(str(tmp_path / "a.tif"))
    as_channels = open_frames(str(tmp_path / "a.tif"), wanted=Wanted(axes="TCYX"))
    assert len(as_channels) == 4 and np.array_equal(as_channels.read(2).pixels, stack[2].transpose(1, 2, 0))
    as_depth = open_frames(str(tmp_path / "a.tif"), wanted=Wanted(axes="TZYX"))
    assert len(as_depth) == 12 and np.array_equal(as_depth.read(7).pixels[..., 0], stack[2, 1])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"axes": "TZ"}, "give a letter for each axis"),
        ({"axes": "tzyx"}, "give a letter for each axis"),
        ({"axes": "YYX"}, "give a letter for each axis"),
        ({"axes": "TZYX"}, r"names 4 axes, and the array of shape \(6, 24, 32\) has 3"),
        ({"frames": "T=0:2"}, r"there is no axis T; axes that count images: N \(6\)"),
        ({"frames": "N=9"}, "N has 6, numbered from 0; none of them is left"),
        ({"frames": "N"}, "give numbers along axes"),
        ({"frames": "Y=3"}, "give numbers along axes"),
        ({"frames": "N=1,N=2"}, "each axis once"),
        ({"channels": "1"}, "there are 1, numbered from 0"),
        ({"channels": "0,0"}, "each once"),
        ({"channels": "DAPI"}, "give numbers of channels"),
    ],
)
def test_what_is_not_there_is_said(wanted: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        open_frames(saved(tmp_path, 6, 24, 32), wanted=Wanted(**wanted))


def test_pictures_have_no_axes_to_name(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.png": png(noise("uint8", 24, 32, 1))})
    with pytest.raises(UserError, match="is for arrays, and there are files of one image"):
        open_frames(str(root), wanted=Wanted(axes="NYX"))


def test_a_minority_kind_is_never_the_data(tmp_path: Path) -> None:
    files = {f"{i}.h5": b"" for i in range(3)} | {"preview.png": png(noise("uint8", 24, 32, 1))}
    with pytest.raises(UserError, match=r"none of its images can be read: 0\.h5"):
        open_frames(str(folder(tmp_path / "a", files)))
    pngs = {f"{i}.png": png(noise("uint8", 24, 32, 1, seed=i)) for i in range(5)}
    frames = open_frames(str(folder(tmp_path / "b", {**pngs, "0.h5": b""})))
    assert len(frames) == 5 and any("HDF5 (0.h5) beside 5" in note and "left out" in note for note in frames.notes)
    with pytest.raises(UserError, match=r"holds images of several kinds: .*name the ones that are meant by a pattern"):
        open_frames(str(folder(tmp_path / "c", {"0.png": pngs["0.png"], "0.h5": b""})))


def test_kinds_that_nothing_reads_name_a_converter(tmp_path: Path) -> None:
    root = folder(tmp_path, {f"{i}.vsi": b"x" for i in range(3)} | {"preview.png": png(noise("uint8", 24, 32, 1))})
    with pytest.raises(
        UserError, match=r"3 files of a kind that is not read here \(0\.vsi\); convert to TIFF with bfc"
    ):
        open_frames(str(root))


def test_a_missing_library_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "h5py":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    root = folder(tmp_path, {"a.h5": b"x", "b.h5": b"y"})
    with pytest.raises(UserError, match=r"reading it needs h5py: pip install 'nrgan\[formats\]'"):
        open_frames(str(root))


def test_files_of_unlike_arrays_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a.npy": npy(noise("uint8", 20, 24, 32)), "b.npy": npy(noise("uint16", 20, 24, 32))})
    with pytest.raises(UserError, match="the images are of several kinds"):
        open_frames(str(root))
