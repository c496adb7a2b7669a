"""What is told of a noise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nrgan.diagnosis.findings.base import Finding
from nrgan.diagnosis.laws import FittedLaw, depends_on_signal
from nrgan.diagnosis.prediction import Quiet
from nrgan.diagnosis.units import NativeNoise


@dataclass(frozen=True)
class Diagnosis:
    """What noisy images alone tell of their noise. Levels are standard deviations on the scale 0..255."""

    images: int
    """How many were used."""
    size: tuple[int, int, int]
    """Height, width and channels of what was used of each."""
    level: float
    """Root mean square over images and signals, as it was before clipping at 0 and 255."""
    error: float
    """Standard error of the level, over images."""
    repeated: bool
    """Whether differences of frames that repeat a scene told the noise, with nothing of the images in them."""
    signal: list[float]
    """Its mean in each of 16 bins, 0..255."""
    level_at_signal: list[float | None]
    """None where a bin has too few values or too many were clipped."""
    error_at_signal: list[float | None]
    """Standard error of the level."""
    signals: tuple[float, float]
    """Between which nearly all signals of the images lie, usable or not, 0..255."""
    dependence: str
    """constant, proportional, square-root, other, or unknown."""
    laws: dict[str, FittedLaw]
    """Each as it fits best, by name."""
    white: bool
    correlation_told: bool
    """Whether noise that is correlated over pixels was told from detail of the images."""
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
    quiet: Quiet | None
    """How the quietest places are, beside what the noise that was found would make of them."""
    little_noise: bool
    level_below: float
    """There is no more white noise than this, unless it lies in textured places alone."""
    correlated_below: float = 255.0
    """The same of noise that is correlated over a few pixels."""
    findings: tuple[Finding, ...] = ()
    """What else befell the images, a check each."""
    natives: tuple[NativeNoise, ...] = ()
    """The noise in the files' own values: of all channels, or of each where each has a range of its own."""
    certain: bool = False
    unknowns: list[str] = field(default_factory=list)
    """What these images cannot tell, in words."""

    @property
    def relation(self) -> FittedLaw | None:
        """The law that `dependence` names, fitted; None for other and unknown."""
        return self.laws.get(self.dependence)

    @property
    def depends_on_signal(self) -> bool:
        """Whether the noise is said to depend on the signal."""
        return depends_on_signal(self.dependence)

    @property
    def native(self) -> NativeNoise | None:
        """The noise in the files' own values; of the first channel, where each has a range of its own."""
        return self.natives[0] if self.natives else None

    def finding(self, name: str) -> Finding | None:
        """The finding of a name, where it was seen."""
        return next((found for found in self.findings if found.name == name and found.seen), None)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        return asdict(replace(self, laws={})) | {"laws": {name: law.as_json() for name, law in self.laws.items()}}
