"""The drawn data set: addressable, the same everywhere, and not invariant where noise is."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from nrgan.data import Shapes
from nrgan.errors import UserError


def test_images_are_addressed_by_seed_and_index() -> None:
    shapes = Shapes(image_size=32)
    some = shapes.draw([3, 41_234, 3])
    assert np.array_equal(some[0], some[2]) and not np.array_equal(some[0], some[1])
    assert np.array_equal(shapes[3], some[0])
    assert not np.array_equal(Shapes(seed=1)[3], some[0])
    assert len(shapes) == 50_000 and some.shape == (3, 32, 32, 3) and some.dtype == np.uint8
    with pytest.raises(IndexError):
        shapes[50_000]


def test_the_same_bytes_on_every_machine() -> None:
    drawn = Shapes(image_size=16).draw(range(64))
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == (
        "e14926f27c89cd985ce0d8436c49eb8b6aa65adcff6b2f32cd29fca113cac7c8"
    )


def test_the_whole_set_is_the_images_one_by_one() -> None:
    shapes = Shapes(image_size=8, count=600)
    assert np.array_equal(shapes.images()[[0, 255, 599]], shapes.draw([0, 255, 599]))


def _transforms() -> dict[str, object]:
    turns = {f"{90 * k} degrees": lambda x, k=k: np.rot90(x, k, axes=(1, 2)) for k in (1, 2, 3)}
    orders = {
        f"channels {order}": lambda x, order=order: x[..., list(order)]
        for order in itertools.permutations(range(3))
        if order != (0, 1, 2)
    }
    inversions = {
        f"inverted {signs}": lambda x, signs=signs: x * np.array(signs)
        for signs in itertools.product((1, -1), repeat=3)
        if signs != (1, 1, 1)
    }
    return turns | orders | inversions


@pytest.mark.parametrize("name", sorted(_transforms()))
def test_not_invariant_where_noise_is(name: str) -> None:
    """Each transformation moves the distribution's mean image by far more than chance, in signed range."""
    x = Shapes(image_size=16).draw(range(2000)) / 127.5 - 1
    transformed = _transforms()[name](x)  # type: ignore[operator]
    difference = x.mean(axis=0) - transformed.mean(axis=0)
    assert np.sqrt((difference**2).mean()) > 0.1, "the mean images are nearly the same"
    z = np.abs(difference) / np.sqrt((x.var(axis=0) + transformed.var(axis=0)) / len(x))
    # (a single inverted channel leaves the other two thirds alone)
    assert np.mean(z > 5) > 0.25


def test_images_vary() -> None:
    x = Shapes(image_size=16).draw(range(500)) / 255.0
    assert x.std(axis=0).mean() > 0.1  # over images
    assert x.std(axis=(1, 2)).mean() > 0.1  # within an image
    small, large = Shapes(image_size=16).draw(range(100)), Shapes(image_size=64).draw(range(100))
    pooled = large.reshape(100, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    assert np.abs(pooled - small).mean() < 6, "a larger size is the same scene, drawn finer"


def test_too_small_is_refused() -> None:
    with pytest.raises(UserError, match="8 pixels"):
        Shapes(image_size=4)
