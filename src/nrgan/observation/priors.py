"""What is known of the noise's law: n = ε·σ·g(x), ε ~ N(0, 1); σ is what the noise generator makes.

x is the generated image in signed range, detached. g is 1 for the constant prior; a signal-dependent one has g in unit
range and a factor 2 that brings the noise to signed range: 2·x₁ (multiplicative), 2·√x₁ (Poisson), x₁ = x/2 + ½.
NR-GAN (Kaneko & Harada 2020), SI-NR-GAN-I, SD-NR-GAN-I and -II.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from nrgan.corruptions import SignalGain
from nrgan.ranges import signed_difference, unit_from_signed
from nrgan.settings import Setting

Gain = Callable[[Tensor], Tensor | float]
"""Standard deviation per σ, from the detached signed image."""

OF_THE_CORRUPTION: Literal["of the corruption"] = "of the corruption"
"""The prior is the relation that the setting's corruption states."""

Prior = Gain | Literal["of the corruption"] | None


def constant(x: Tensor) -> float:
    """The noise level does not depend on the signal (or the noise generator knows how)."""
    return 1.0


@dataclass(frozen=True)
class SignalDependent:
    """The prior of a known relation between unit-range signal and noise level: x signed ↦ 2·g(x/2 + ½)."""

    gain: SignalGain

    def __call__(self, x: Tensor) -> Tensor:
        return signed_difference(self.gain.g(unit_from_signed(x)))


def resolve(prior: Prior, setting: Setting) -> Gain | None:
    """The gain of a prior on a setting."""
    if prior != OF_THE_CORRUPTION:
        return prior
    assert setting.corruption.signal_gain is not None, "Learned.unfit refuses such a setting"
    return SignalDependent(setting.corruption.signal_gain)
