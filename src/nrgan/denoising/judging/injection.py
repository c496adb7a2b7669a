"""Small known signals put into noisy images: how much of them a denoiser gives back, and from which contrast on.

Tiles of an image each hold one signal s of peak 1 at contrast c times the local noise level σ: y = x + cσs + n. In the
answer its amplitude is read by a template w of mean 0,

    a = ⟨f(y) − x, w⟩ / (σ⟨s, w⟩),

which is c for an f that changes nothing. The same draws serve for all contrasts and for blanks, c = 0. A signal is seen
where a exceeds what blanks give: their mean and 3 standard deviations, and the largest of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.images import BATCH, Denoise, Doubles, answers, check_images, noise_at, standard_error
from nrgan.denoising.judging.noise_traits import NoiseTraits
from nrgan.errors import UserError

CONTRASTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
TILE = 31
"""Odd, so that signals lie at all places of what grid a denoiser has."""
_LEAST_TILE = 12
_DEVIATIONS = 3.0


class Shape(NamedTuple):
    """A signal in a tile, and the template that reads it; (T, T)."""

    signal: Doubles
    template: Doubles


def shapes(tile: int) -> dict[str, Shape]:
    """point: one pixel. line: one pixel wide, half a tile long. step: from one half of the tile to the other.

    The step is read in the two pixels on each side of it, so that a blurred one is a smaller one.
    """
    middle, quarter = tile // 2, tile // 4
    point, line, step, edge = (np.zeros((tile, tile)) for _ in range(4))
    point[middle, middle] = 1
    line[quarter : 3 * quarter, middle] = 1
    step[:, middle:] = 1
    edge[quarter : 3 * quarter, middle : middle + 2] = 1
    edge[quarter : 3 * quarter, middle - 2 : middle] = -1
    return {
        "point": Shape(point, point - point.mean()),
        "line": Shape(line, line - line.mean()),
        "step": Shape(step, edge),
    }


@dataclass(frozen=True)
class Recovered:
    """Of signals at one contrast; amplitudes in units of the local noise level."""

    contrast: float
    amplitude: float
    """Mean of a, less that of blanks with the same noise."""
    error: float | None
    """Its standard error, over tiles."""
    seen: float
    """Share that is seen in the answers."""
    seen_in_input: float
    """The same before f."""

    @property
    def bias(self) -> float:
        """Relative error of the amplitude: −1 where the signal is wiped out."""
        return self.amplitude / self.contrast - 1


class Limits(NamedTuple):
    """Of detection: contrasts from which on that share of signals is seen; None where the highest tried is too low."""

    half: float | None
    most: float | None
    """95 %."""

    @classmethod
    def of(cls, contrasts: tuple[float, ...], amplitudes: Doubles, threshold: float) -> Limits:
        """Of amplitudes (K, tiles) at contrasts rising from 0.

        Those that a share of the tiles exceeds are taken as linear in contrast between those tried.
        """
        return cls(*(_crossing(contrasts, np.quantile(amplitudes, 1 - share, 1), threshold) for share in (0.5, 0.95)))


def _crossing(contrasts: tuple[float, ...], exceeded: Doubles, threshold: float) -> float | None:
    below = np.flatnonzero(exceeded <= threshold)
    if not len(below):
        return contrasts[0]
    if (k := int(below[-1])) == len(contrasts) - 1:
        return None
    part = (threshold - exceeded[k]) / (exceeded[k + 1] - exceeded[k])
    return float(contrasts[k] + part * (contrasts[k + 1] - contrasts[k]))


@dataclass(frozen=True)
class Injection:
    """One kind of signal, at all contrasts."""

    trials: int
    """Tiles, of each contrast and of blanks."""
    limits: Limits
    input_limits: Limits
    """Before f, read by the same template: what is in the images."""
    contrasts: tuple[Recovered, ...]
    """Rising."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        limits = {"limits": self.limits._asdict(), "input_limits": self.input_limits._asdict()}
        return {
            "trials": self.trials,
            **limits,
            "contrasts": [asdict(row) | {"bias": row.bias} for row in self.contrasts],
        }


def inject(
    f: Denoise,
    backgrounds: Tensor,
    law: AdditiveNoise,
    *,
    contrasts: tuple[float, ...] = CONTRASTS,
    tile: int = TILE,
    seed: int = 0,
    batch: int = BATCH,
) -> dict[str, Injection]:
    """Puts each of `shapes` into images without noise, (B, C, H, W) unit range: flat ones, or answers of f.

    contrasts: above 0, rising. Tiles of at most `tile` pixels fill the images; every second one has its signal turned
    by a quarter. All colours have the signal, and the amplitude is their mean. Raises `UserError` for images below 12
    pixels, and where the law has no noise.
    """
    check_images(backgrounds)
    tile = min(tile, *backgrounds.shape[2:])
    if tile < _LEAST_TILE:
        raise UserError(f"signals are injected in images of {_LEAST_TILE} pixels and more, not {tile}")
    level = NoiseTraits.of(law, backgrounds, seed).level_at(backgrounds)
    if not bool((level > 0).any()):
        raise UserError("the law has no noise at these images' signals, and contrasts are multiples of its level")
    tried = (0.0, *contrasts)
    found = {}
    for name, shape in shapes(tile).items():
        tiles = _Tiles(shape, level)
        read = []
        for contrast in tried:
            clean = backgrounds + contrast * tiles.signal
            y = clean + noise_at(clean, law, seed, batch)
            read.append((tiles.read(answers(f, y, batch) - backgrounds), tiles.read(y - backgrounds)))
        found[name] = _injection(tried, *(np.stack(each) for each in zip(*read, strict=True)))
    return found


def _injection(tried: tuple[float, ...], amplitudes: Doubles, of_input: Doubles) -> Injection:
    """Of amplitudes in the answers and before, (K, tiles), at contrasts rising from 0, the blanks."""
    thresholds = [_threshold(each[0]) for each in (amplitudes, of_input)]
    gains = amplitudes - amplitudes[0]
    seen, seen_in_input = (
        (each > threshold).mean(1) for each, threshold in zip((amplitudes, of_input), thresholds, strict=True)
    )
    rows = tuple(
        Recovered(contrast, float(gain.mean()), standard_error(gain), float(share), float(share_of_input))
        for contrast, gain, share, share_of_input in zip(tried, gains, seen, seen_in_input, strict=True)
    )
    return Injection(
        trials=amplitudes.shape[1],
        limits=Limits.of(tried, amplitudes, thresholds[0]),
        input_limits=Limits.of(tried, of_input, thresholds[1]),
        contrasts=rows[1:],
    )


def _threshold(blank: Doubles) -> float:
    return float(max(blank.mean() + _DEVIATIONS * blank.std(), blank.max()))


class _Tiles:
    """A shape in every tile of images, times the local noise level."""

    def __init__(self, shape: Shape, level: Tensor) -> None:
        self.side = len(shape.signal)
        self.down, self.across = (n // self.side for n in level.shape[2:])
        self.level = level
        self.signal = level * self._laid(shape.signal)
        self.template = self._laid(shape.template) / float((shape.signal * shape.template).sum())

    def _laid(self, one: Doubles) -> Tensor:
        """(H, W), 0 where no whole tile is left."""
        whole = self.level.new_zeros(self.level.shape[2:])
        both = [torch.tensor(np.rot90(one, turns).copy()).to(whole) for turns in (0, 1)]
        for i in range(self.down):
            for j in range(self.across):
                rows, columns = (slice(k * self.side, (k + 1) * self.side) for k in (i, j))
                whole[rows, columns] = both[(i + j) % 2]
        return whole

    def read(self, d: Tensor) -> Doubles:
        """Amplitudes in units of the level, one a tile, of differences from the backgrounds; (tiles,)."""
        in_levels = torch.where(self.level > 0, d / self.level, 0.0)
        read = (in_levels * self.template).mean(1)
        size = (self.down * self.side, self.across * self.side)
        tiles = read[:, : size[0], : size[1]].reshape(-1, self.down, self.side, self.across, self.side)
        return tiles.double().sum((2, 4)).flatten().cpu().numpy()
