"""Charts, layouts, spectra, walks, and what is nearest."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nrgan.evaluation.nearest import nearest_images
from nrgan.evaluation.spectrum import frequencies, level_spectrum
from nrgan.pictures import cells, grid
from nrgan.reports.page.chart import Chart, Line, Scale
from nrgan.reports.page.sections.tiling import chosen_evenly, how_many


def chart(*lines: Line, **options: bool) -> Chart:
    return Chart("title", "description", "x", "y", lines, **options)


def test_a_line_has_gaps_where_it_is_not_known() -> None:
    drawn = chart(Line("a", [(0, 1.0), (1, None), (2, 3.0), (3, 4.0)]), Line("nothing", [(0, None)]))
    assert [line.name for line in drawn.drawn] == ["a"]
    stretches = drawn.places(drawn.drawn[0])
    assert [len(stretch) for stretch in stretches] == [1, 2] and drawn.marked(drawn.drawn[0])
    assert stretches[0][0] == (drawn.left, drawn.bottom) and stretches[1][-1] == (drawn.right, drawn.top)


def test_many_points_become_their_means() -> None:
    drawn = chart(Line("a", [(k, float(k % 2)) for k in range(100_000)])).drawn[0]
    assert len(drawn.points) <= 400 and {y for _, y in drawn.points} == {0.5} and drawn.points[-1][0] == 99_999


def test_what_is_no_number_is_left_out() -> None:
    drawn = chart(Line("a", [(0, 1.0), (1, float("nan")), (2, float("inf")), (3, 2.0)]))
    assert json.loads(drawn.readings)["x"] == [0, 3]
    assert chart(Line("a", [])).ticks(chart(Line("a", [])).x_scale)


def test_values_of_lines_stand_at_common_places() -> None:
    read = json.loads(chart(Line("a", [(0, 1.0), (2, 3.0)]), Line("b", [(1, 5.0)])).readings)
    assert read["x"] == [0, 1, 2] and read["lines"][1] == {"name": "b", "y": [None, 5.0, None]}


@pytest.mark.parametrize(
    ("values", "log", "ticks"),
    [
        ([0, 10], False, [0, 2, 4, 6, 8, 10]),
        ([-0.02, 0.5], False, [0, 0.2, 0.4]),
        ([2, 150], True, [2, 5, 10, 20, 50, 100]),
        ([7, 7], False, [4, 6, 8, 10]),
    ],
)
def test_ticks_are_round(values: list[float], log: bool, ticks: list[float]) -> None:
    assert Scale(values, 0, 100, log).ticks == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("size", "frames", "pictures"), [(9_216, 12, 28), (36_864, 12, 7), (147_456, 5, 4), (589_824, 1, 5), (9**9, 1, 1)]
)
def test_moments_are_given_up_before_samples(size: int, frames: int, pictures: int) -> None:
    assert how_many(3 << 20, size, 12, 4) == (frames, pictures)


def test_moments_are_evenly_chosen() -> None:
    assert chosen_evenly(range(10), 4) == [0, 3, 6, 9] and chosen_evenly([1, 2], 12) == [1, 2]
    assert chosen_evenly([1, 2, 3], 1) == [3] and chosen_evenly([], 5) == []


def test_cells_are_the_inverse_of_a_grid() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    assert (cells(grid(images, columns=10), 10) == images).all()
    with pytest.raises(ValueError, match="no 7 squares a row"):
        cells(grid(images, columns=10), 7)


def test_white_noise_has_its_level_at_every_frequency() -> None:
    noise = np.random.default_rng(0).normal(0.5, 20 / 255, (200, 32, 32, 1))
    levels = level_spectrum(noise)
    assert len(levels) == len(frequencies(16)) == 16
    assert np.abs(np.array(levels[2:]) - 20).max() < 0.6  # the mean, which is taken off, reaches the first two


def test_a_wave_is_told_at_its_frequency() -> None:
    x = np.arange(64)
    image = np.broadcast_to(0.5 + 0.1 * np.sin(2 * np.pi * 0.25 * x)[:, None], (64, 64))[None, ..., None]
    levels = level_spectrum(image)
    assert abs(frequencies(len(levels))[int(np.argmax(levels))] - 0.25) < 0.02


class Few:
    """Training images that are known."""

    has_clean = True

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def evenly(self, count: int) -> np.ndarray:
        return np.arange(min(count, len(self.images)))

    def clean(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices]


def test_a_copy_is_seen_and_others_are_not() -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), np.uint8)
    new = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
    copied = nearest_images(images[[7, 3]], Few(images))  # type: ignore[arg-type]
    assert copied.indices[:, 0].tolist() == [7, 3] and copied.of_samples < 0.1 < 0.8 * copied.usual
    other = nearest_images(new, Few(images))  # type: ignore[arg-type]
    assert other.of_samples > 0.8 * other.usual and other.compared == 60
