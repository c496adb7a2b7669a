"""What is told of a noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from nrgan.diagnosis.curve import Law


@dataclass(frozen=True)
class Diagnosis:
    """What noisy images alone tell of their noise. Levels are standard deviations on the scale 0..255."""

    images: int
    """How many were used."""
    size: tuple[int, int, int]
    """Height, width and channels of what was used of each."""
    level: float
    """Root mean square over images and signals, as it was before clipping at 0 and 255."""
    signal: list[float]
    """Its mean in each of 16 equal bins, 0..255."""
    level_at_signal: list[float | None]
    """None where a bin has too few values or too many were clipped."""
    error_at_signal: list[float | None]
    """Standard error of the level."""
    dependence: str
    """constant, proportional, square-root, other, or unknown."""
    laws: dict[str, Law]
    white: bool
    autocorrelation: list[list[float]]
    """[dy][dx], lags 0..4."""
    channel_correlation: list[list[float]]
    """An upper bound: the image's own fine detail is shared by channels."""
    independent_channels: bool
    spread_over_images: float
    """Standard deviation over images of σ², over its mean; chance and the signal left out."""
    level_of_images: tuple[float, float]
    """Mean and standard deviation over images of an image's own level; chance is in the latter."""
    varies_by_image: bool
    spread_over_places: float
    """The same over places in one image."""
    local: bool
    """Noise in a part of each image only."""
    level_inside: float | None
    """The level where there is noise; None unless local."""
    tails: str
    """gaussian, light, heavy, or unknown."""
    excess_kurtosis: float | None
    """Of a channel's noise, or of differences of channels (which keep half of it where channels are independent)."""
    quantiles: list[float]
    """Of the noise over its own level, at 201 probabilities from 0.001 to 0.999."""
    little_noise: bool
    level_below: float
    """Without doubt there is no more noise than this."""
    certain: bool = False
    unknowns: list[str] = field(default_factory=list)
    """What these images cannot tell, in words."""

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(self)


_FEW = 300
_NARROW = 100
"""A range of signals, of 255, over which even noise that depends on the signal changes little."""
_FAINT = 12
_TELLING = 9.0
"""Difference of chi² from which one law is told from another."""


def unknowns(found: Diagnosis) -> list[str]:
    """What the images cannot tell, in words."""
    known = [s for s, v in zip(found.signal, found.level_at_signal, strict=True) if v is not None]
    span = max(known) - min(known) if known else 0.0
    channels = found.size[2]
    said = {
        f"{found.images} images are few: the estimates are rough": found.images < _FEW,
        f"no noise is seen beside the images' own detail; white noise of a level below {found.level_below:.1f} "
        "(of 255) may be there, and noise blurred over several pixels that is weaker than the texture": (
            found.little_noise
        ),
        f"only signals of {min(known, default=0):.0f} to {max(known, default=0):.0f} (of 255) are usable, hardly "
        "enough to tell whether the noise depends on the signal": (
            not found.little_noise and span < _NARROW and found.dependence in ("constant", "unknown")
        ),
        "noise in a part of each image may be fine detail of the images": (
            found.level_inside is not None and found.level_inside < _FAINT
        ),
        "the images do not tell whether the level is proportional to the signal or to its square root": (
            found.dependence in ("proportional", "square-root")
            and abs(found.laws["proportional"].chi2 - found.laws["square-root"].chi2) < _TELLING
        ),
        "no relation of noise to signal that is known here fits the curve; fine detail of the images may be in it": (
            found.dependence == "other"
        ),
        "with one channel, fine detail of the images is not told from noise that is correlated over pixels": (
            channels == 1 and not found.white and not found.little_noise
        ),
        "the channels' noise may be correlated, or fine detail of the images may be in it: the level is a guess": (
            channels > 1 and not found.independent_channels and not found.little_noise
        ),
        "too few smooth places to tell whether the values are Gaussian": found.tails == "unknown"
        and not found.little_noise,
    }
    return [words for words, true in said.items() if true]
