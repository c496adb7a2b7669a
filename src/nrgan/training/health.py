"""Failures that the losses do not show."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LOW_CONTRAST = 0.25
"""Clean samples below this share of the data's contrast are near constant."""
EXCESS_NOISE = 0.9
"""Learned noise above this share of the data's whole variation is more than noise: images vary too."""
SAME_IMAGES = 0.1
"""Samples whose mean difference is below this share of the data's are the same few images."""
PATIENCE = 3
"""Checks in a row that must agree."""


@dataclass(frozen=True)
class Variation:
    """How much a set of images, (B, C, H, W), varies, as standard deviations in its own range."""

    contrast: float
    """Of one value about its image's mean."""
    between: float
    """Of one value about that pixel's mean over the images, in images pooled to 8x8 (where noise averages out)."""

    @classmethod
    def of(cls, images: Tensor) -> Variation:
        pooled = torch.nn.functional.adaptive_avg_pool2d(images, 8)
        return cls(
            contrast=float(images.var(dim=(1, 2, 3)).mean().sqrt()),
            between=float(pooled.var(dim=0).mean().sqrt()),
        )


class Health:
    """Watches clean samples and learned noise against the noisy data, and says once what went wrong."""

    def __init__(self, data: Tensor, first_check: int) -> None:
        """data: some noisy training images, signed range; first_check: the iteration before which all is forgiven."""
        self.data = Variation.of(data)
        self.first_check = first_check
        self._suspected: dict[str, int] = {}
        self._said: set[str] = set()

    def check(self, iteration: int, clean: Tensor, noise: Tensor | None) -> str | None:
        """What to tell the user about these samples, or None. Signed range, (B, C, H, W)."""
        if iteration < self.first_check:
            return None
        found = self._diagnose(clean, noise)
        for name in list(self._suspected):
            if name not in found:
                del self._suspected[name]
        for name, message in found.items():
            self._suspected[name] = self._suspected.get(name, 0) + 1
            if self._suspected[name] >= PATIENCE and name not in self._said:
                self._said.add(name)
                return message
        return None

    def _diagnose(self, clean: Tensor, noise: Tensor | None) -> dict[str, str]:
        samples = Variation.of(clean)
        noise_std = float(noise.std()) if noise is not None else 0.0
        flat = samples.contrast < LOW_CONTRAST * self.data.contrast
        if flat and noise_std > EXCESS_NOISE * self.data.contrast:
            return {
                "swallowed": f"the noise generator has taken the whole image (clean samples are near constant,"
                f" noise {noise_std:.2f}, data {self.data.contrast:.2f}, of 2). The model's knowledge of the noise does"
                f" not tell it from these images: choose a model that must know more of it (nrgan list)"
            }
        if samples.between < SAME_IMAGES * self.data.between:
            return {
                "collapsed": f"the clean samples are nearly all alike (differing by {samples.between:.3f}, data"
                f" {self.data.between:.3f}, of 2). What usually helps: another seed, a larger R1 weight or batch,"
                " or a smaller learning rate of the generator"
            }
        return {}
