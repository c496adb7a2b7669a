"""Images are decoded once where memory allows it, and never kept longer than they are needed."""

from __future__ import annotations

import pickle
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nrgan.data import open_data
from nrgan.errors import UserError
from nrgan.frames import open_frames
from nrgan.frames.formats import _opened
from nrgan.settings import choose_data
from own_files import WRITERS, count_decodes, folder, noise, npy, png

COUNT, HEIGHT, WIDTH = 9, 40, 56
BYTES = COUNT * HEIGHT * WIDTH * 3


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, int]]:
    return count_decodes(monkeypatch)


@contextmanager
def traced() -> Iterator[list[int]]:
    """Afterwards: bytes that are still allocated, and the most that were."""
    measured: list[int] = []
    tracemalloc.start()
    yield measured
    measured += tracemalloc.get_traced_memory()
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["folder", "zip deflated", "shards", "npy", "npz compressed", "tiff", "ome-tiff"])
def test_kept_images_are_those_of_the_files(kind: str, tmp_path: Path, decodes: Counter[tuple[str, int]]) -> None:
    expected = list(noise("uint8", COUNT, HEIGHT, WIDTH, 3))
    frames = open_frames(str(WRITERS[kind](tmp_path, expected)), keep_bytes=BYTES)
    for _ in range(2):
        for index, image in enumerate(expected):
            frame = frames.read(index)
            assert np.array_equal(frame.pixels, image)
            frame.pixels[:] = 0  # the reader's own
    assert len(decodes) == COUNT and set(decodes.values()) == {1}
    frames.release()
    assert np.array_equal(frames.read(3).pixels, expected[3])
    assert sum(decodes.values()) == COUNT + 1


def test_every_second_is_kept_where_all_do_not_fit(tmp_path: Path, decodes: Counter[tuple[str, int]]) -> None:
    path = str(WRITERS["npy"](tmp_path, list(noise("uint8", COUNT, HEIGHT, WIDTH, 3))))
    one = BYTES // COUNT
    for keep_bytes, kept in ((0, []), (one - 1, []), (one, [0]), (3 * one, [0, 4, 8]), (BYTES - 1, [0, 2, 4, 6, 8])):
        _opened.cache_clear()
        decodes.clear()
        frames = open_frames(path, keep_bytes=keep_bytes)
        assert frames.in_memory == kept
        for index in (3, 4):
            assert np.array_equal(frames.read(index).pixels, frames.read(index).pixels)
            assert decodes["stack.npy", index] == (1 if index in kept else 3)


def test_images_that_were_left_out_leave_no_gap(tmp_path: Path) -> None:
    images = {f"{i}.png": noise("uint8", 24, 24, 1, seed=i) for i in range(4)}
    files = {name: png(image) for name, image in images.items()} | {"1.png": b"no image"}
    frames = open_frames(str(folder(tmp_path, files)), skip_corrupt=True, keep_bytes=1 << 20)
    for index, name in enumerate(("0.png", "2.png", "3.png")):
        assert frames.read(index).name == name and np.array_equal(frames.read(index).pixels, images[name])
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(frames.read, [0, 1, 2] * 8))
    assert all(np.array_equal(frame.pixels, images[frame.name]) for frame in read)


def test_copies_for_other_processes_carry_no_images(tmp_path: Path, decodes: Counter[tuple[str, int]]) -> None:
    path = str(WRITERS["npy"](tmp_path, list(noise("uint8", COUNT, HEIGHT, WIDTH, 3))))
    for corrupt in (None, "ag25"):
        data = open_data(choose_data(path, 16, fit="tiles", corrupt=corrupt), keep_bytes=BYTES)
        expected = data.all_noisy()
        # the distribution of the values travels, which is some kilobytes
        assert len(pickle.dumps(data)) < BYTES / 2
        rows = np.array([5, 0, 70])
        assert np.array_equal(pickle.loads(pickle.dumps(data)).noisy(rows), expected[rows])


@pytest.mark.parametrize("corrupt", [None, "ag25"])
@pytest.mark.parametrize("fit", ["crop", "tiles", "resize"])
def test_data_are_decoded_once_and_are_the_same(
    fit: str, corrupt: str | None, tmp_path: Path, decodes: Counter[tuple[str, int]]
) -> None:
    path = str(WRITERS["folder"](tmp_path, list(noise("uint8", COUNT, HEIGHT, WIDTH, 3))))
    choice = choose_data(path, 16, fit=fit, corrupt=corrupt)  # type: ignore[arg-type]
    streamed, kept = open_data(choice), open_data(choice, keep_bytes=BYTES)
    assert streamed.key == kept.key and streamed.notes == kept.notes
    decodes.clear()
    kept = open_data(choice, keep_bytes=BYTES)
    some = kept.evenly(7)
    before = kept.noisy(some)
    everything = kept.all_noisy()
    assert kept.all_noisy() is everything, "made once"
    after = kept.noisy(some)
    clean = kept.clean(some) if corrupt else None
    assert len(decodes) == COUNT and set(decodes.values()) == {1}
    assert np.array_equal(before, after) and np.array_equal(before, everything[some])
    assert np.array_equal(everything, streamed.noisy(np.arange(len(streamed))))
    assert clean is None or np.array_equal(clean, streamed.clean(some))
    after[:] = 0
    assert kept.noisy(some).any(), "what is given is the caller's own"


def test_what_is_kept_is_let_go_of_once_the_set_is_made(tmp_path: Path) -> None:
    images = noise("uint8", 40, 256, 256, 3)
    np.save(tmp_path / "a.npy", images)
    path, slack = str(tmp_path / "a.npy"), 3_000_000
    with traced() as too_large:
        open_frames(path, keep_bytes=images.nbytes - 1)
    assert too_large[0] < slack
    choice = choose_data(path, 32, fit="crop")
    with traced() as resident:
        data = open_data(choice, keep_bytes=images.nbytes)
        data.all_noisy()
    assert resident[1] > images.nbytes + data.bytes
    assert resident[0] < data.bytes + slack < images.nbytes


def test_a_file_that_changes_does_not_matter_to_what_is_kept(tmp_path: Path) -> None:
    image = noise("uint8", 24, 24, 1)
    root = folder(tmp_path, {"0.npy": npy(image)})
    frames = open_frames(str(root), keep_bytes=1 << 20)
    (root / "0.npy").unlink()
    assert np.array_equal(frames.read(0).pixels, image)
    frames.release()
    with pytest.raises(UserError, match=r"0\.npy: cannot be read"):
        frames.read(0)
