"""How much harder real images are for a denoiser than the generated ones that it was trained on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from nrgan.denoising.judging.risk import Estimate, Risk
from nrgan.errors import UserError


@dataclass(frozen=True)
class Gap:
    """10·log₁₀(MSE on real images / MSE on generated ones), dB. Near 0 the generator covers what the data have.

    From 0.3 dB on, real images have what the generator does not know: re-noise some of them, or train it longer.
    """

    decibels: float | None
    """None where the estimate on real images is not above 0."""
    range: tuple[float | None, float | None]
    """At both ends of the range of the risk on real images."""
    bands: tuple[float | None, ...]
    """The same of each of `bands.BANDS`, low frequencies first: where detail is lost."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self)


def gap(real: Risk, generated: Risk) -> Gap:
    """Of the risk of one f on real images, estimated, and on generated pairs, known (`risk_of_pairs`).

    Raises `UserError` where they are risks at different noise.
    """
    if real.noises != generated.noises:
        raise UserError(
            f"the risk on real images is at {real.noises} times the noise's variance, that on generated pairs at "
            f"{generated.noises}; make the pairs with as much noise"
        )

    def decibels(value: float, part: Estimate) -> float | None:
        return 10 * math.log10(value / part.mse) if value > 0 and part.mse > 0 else None

    return Gap(
        decibels(real.mse, generated),
        (decibels(real.low, generated), decibels(real.high, generated)),
        tuple(decibels(a.mse, b) for a, b in zip(real.bands, generated.bands, strict=True)),
    )
