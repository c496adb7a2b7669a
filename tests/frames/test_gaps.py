"""Pixels without a value: squares full of them are left out, a few are filled, and neither is noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nrgan.data import open_data
from nrgan.errors import UserError
from nrgan.frames import Fit, Patches, open_frames
from nrgan.frames.gaps import counted, filled, missing_share
from nrgan.settings import choose_data
from own_files import noise


def test_missing_values_do_not_reach_training(tmp_path: Path) -> None:
    images = noise("float32", 6, 96, 96)
    images[2, :, 40:] = np.nan  # a gap between detectors
    images[3, 10, 10] = np.inf
    images[4, 50:53, 60] = np.nan
    np.save(tmp_path / "a.npy", images)
    data = open_data(choose_data(str(tmp_path / "a.npy"), 32, fit="tiles"))
    everything = data.noisy(np.arange(len(data)))
    assert np.isfinite(everything).all() and len(data) == 6 * 9 - 6
    assert any("of the pixels have no value (in 3 images): squares with more than" in note for note in data.notes)
    low, high = data.value_range.limits[0]
    finite = images[np.isfinite(images)]
    assert (low, high) == (0, 1) or (low, high) == (finite.min(), finite.max())
    assert not np.isfinite(open_frames(data.choice.name).read(3).pixels[10, 10]).any()


def test_gaps_are_filled_by_what_is_nearest() -> None:
    pixels = np.arange(48, dtype=np.float32).reshape(4, 6, 2)
    missing = np.zeros((4, 6), bool)
    missing[1, 2] = True
    whole = filled(pixels, missing)
    assert np.array_equal(whole[~missing], pixels[~missing])
    assert whole[1, 2].tolist() in [pixels[p].tolist() for p in ((0, 2), (2, 2), (1, 1), (1, 3))]


def test_shares_are_counted_in_cells() -> None:
    missing = np.zeros((30, 45), bool)
    missing[10:14, 20:30] = True
    cells = counted(missing)
    assert cells.sum() == 40 and cells.shape == (4, 6)
    assert missing_share(cells, 8, 16, 16) == 40 / 256 and missing_share(cells, 16, 0, 8) == 0


def test_a_set_without_a_whole_square_is_refused(tmp_path: Path) -> None:
    images = noise("float32", 2, 32, 32)
    images[:, ::2] = np.nan
    np.save(tmp_path / "a.npy", images)
    with pytest.raises(UserError, match="every square of 32 pixels has too many pixels without a value"):
        Patches(open_frames(str(tmp_path / "a.npy")), Fit(32, "tiles"))
