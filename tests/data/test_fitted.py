"""Images of any size become squares without being asked, and are looked at without being decoded again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nrgan.data import open_data
from nrgan.errors import UserError
from nrgan.settings import choose_data
from own_files import count_decodes, folder, noise, png


def saved(tmp_path: Path, *shape: int) -> str:
    np.save(tmp_path / "a.npy", noise("uint8", *shape))
    return str(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("shape", "size", "fit", "count"),
    [
        ((20, 32, 32), 32, "crop", 20),
        ((250, 128, 128), 128, "crop", 250),
        ((20, 64, 64), 64, "crop", 20),
        ((3, 512, 512), 64, "tiles", 3 * 8 * 8),
        ((5, 512, 768), 64, "tiles", 5 * 8 * 12),
        ((20, 128, 128), 64, "tiles", 20 * 4),
        ((20, 40, 56), 24, "tiles", 20 * 2 * 3),
        ((2, 96, 160), 24, "tiles", 2 * 4 * 7),
        ((1, 96, 96), 32, "tiles", 9),
        ((18, 60, 60), 32, "tiles", 18 * 4),
        ((300, 60, 70), 56, "crop", 300),
    ],
)
def test_squares_that_nobody_asked_for(shape: tuple[int, ...], size: int, fit: str, count: int, tmp_path: Path) -> None:
    data = open_data(choose_data(saved(tmp_path, *shape)))
    assert (data.image_size, data.choice.fit, len(data)) == (size, fit, count)
    assert any(f"of {size}x{size} pixels from {shape[0]} image" in note for note in data.notes), "and it is said"


def test_a_size_that_is_asked_for(tmp_path: Path) -> None:
    few = saved(tmp_path, 20, 96, 128)
    assert open_data(choose_data(few, 32)).choice.fit == "tiles"
    assert open_data(choose_data(few, 64)).choice.fit == "crop"
    assert open_data(choose_data(few, 32, fit="crop")).choice.fit == "crop"
    with pytest.raises(UserError, match="has images of 12 pixels on a side; 16 are the fewest"):
        open_data(choose_data(saved(tmp_path, 20, 12, 40)))


def test_what_is_looked_at_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decodes: Counter[tuple[str, int]] = count_decodes(monkeypatch)
    images = {f"{i:02}.png": png(noise("uint8", 48, 48, 1, seed=i)) for i in range(32)}
    path = str(folder(tmp_path, images))
    data = open_data(choose_data(path, 24, fit="tiles"), keep_bytes=20 * 48 * 48)
    for count in (2000, 60, 10):
        rows = data.glance(count)
        assert len(rows) == min(count, 16 * 4) and np.unique(rows).size == len(rows)
        data.noisy(rows)
    assert set(decodes.values()) == {1}, "every second image was kept, and stands for all"
    assert np.array_equal(data.glance(10**6), np.concatenate([np.arange(8 * k, 8 * k + 4) for k in range(16)]))
    data.looked_at()
    assert np.array_equal(data.glance(5), data.evenly(5))
