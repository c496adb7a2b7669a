"""What a law's own draws tell of it, at the signals that images have: levels, tails, and what may be estimated with it.

Measured, not looked up, so that every law that can be drawn from has them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from nrgan.corruptions import AdditiveNoise
from nrgan.denoising.judging.images import flats, noise_at, signals_of

_SIGNALS = 9
_EACH = 16
"""Flat images of each signal: a factor of whole images is seen in their kurtosis."""
_SIDE = 64
_MOST_SKEW = 0.5
"""About that of four events."""
_MOST_KURTOSIS = 0.5


@dataclass(frozen=True)
class NoiseTraits:
    """The law at flat signals, moments over 16 images of 64x64 of each."""

    signal: tuple[float, ...]
    """Unit range, rising."""
    level: tuple[float, ...]
    """Standard deviation, unit range."""
    skewness: float
    """Mean over signals of its absolute value; signals without noise count not."""
    excess_kurtosis: float
    """Mean over signals; a level that varies by image is in it."""
    replaces: bool
    """Whether some pixels keep nothing of the image."""

    @classmethod
    def of(cls, law: AdditiveNoise, images: Tensor, seed: int = 0) -> NoiseTraits:
        """Of a law at the signals of images, (B, C, H, W) unit range."""
        signal = signals_of(images, _SIGNALS)
        n = noise_at(flats(signal, images, _EACH, (_SIDE, _SIDE)), law, seed)
        values = n.double().cpu().numpy().reshape(_SIGNALS, -1)
        values -= values.mean(1, keepdims=True)
        level = values.std(1)
        noisy = level > 0
        z = values[noisy] / level[noisy, None]
        skewness, kurtosis = np.abs((z**3).mean(1)), (z**4).mean(1) - 3
        return cls(
            signal=signal,
            level=tuple(float(v) for v in level),
            skewness=float(skewness.mean()) if noisy.any() else 0.0,
            excess_kurtosis=float(kurtosis.mean()) if noisy.any() else 0.0,
            replaces=law.replaces,
        )

    @property
    def nearly_gaussian(self) -> bool:
        """Whether Stein's identity holds nearly. (Uniform noise, −1.2, costs 30 % of a median's risk.)"""
        return not self.replaces and self.skewness <= _MOST_SKEW and abs(self.excess_kurtosis) <= _MOST_KURTOSIS

    def level_at(self, x: Tensor) -> Tensor:
        """The level at clean signals, of the same shape, unit range: linear between those that were measured."""
        found = np.interp(x.double().cpu().numpy(), self.signal, self.level)
        return x.new_tensor(found)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self) | {"nearly_gaussian": self.nearly_gaussian}
