"""Pairs of clean and noisy images from a run: its generator, and its noise, brought to the level that was diagnosed."""

from __future__ import annotations

import torch
from torch import Tensor

from nrgan.corruptions import Fitted
from nrgan.draws import FreshDraws
from nrgan.errors import UserError
from nrgan.networks import sizes_of
from nrgan.ranges import unit_difference, unit_from_signed
from nrgan.runs import TrainedModel

_MEASURED = 512
"""Generated images whose noise is compared with the diagnosed level."""
_PART = 64


class GeneratedPairs:
    """Draws (x̃, x̃ + s·ñ) of a run's generator and observer, stored as its sensor stores images; unit range.

    s = √(E σ²(x̃)/E ñ²) brings the learned noise to the level of the law that was diagnosed: levels are learned some
    percent wrong, and what is known better is taken. Without a law, or where noise is more than added, s = 1.
    """

    def __init__(self, model: TrainedModel, law: Fitted | None) -> None:
        self.model = model
        if "noise" not in self._observed(2, torch.Generator().manual_seed(0)):
            raise UserError(f"{model.run}: its model {model.about.model} has no noise; a denoiser has nothing to learn")
        self.scale = 1.0 if law is None else self._calibrated(law)

    @torch.no_grad()
    def _observed(self, count: int, rng: torch.Generator) -> dict[str, Tensor]:
        pair = self.model.pair
        z = torch.randn(count, sizes_of(pair.generator).latent_size, generator=rng, device=self.model.device)
        return dict(pair.observer(pair.generator(z), z, FreshDraws(rng, self.model.device)).parts)

    def _calibrated(self, law: Fitted) -> float:
        rng = torch.Generator(self.model.device).manual_seed(0)
        told, learned = 0.0, 0.0
        for _ in range(_MEASURED // _PART):
            parts = self._observed(_PART, rng)
            x = unit_from_signed(parts["clean"])
            learned += float(unit_difference(parts["noise"]).double().square().mean())
            told += float(law.simulate_noise(x, rng).double().square().mean())
        return (told / learned) ** 0.5 if learned > 0 else 1.0

    def __call__(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` pairs, (count, C, H, W) clean and noisy."""
        parts = self._observed(count, rng)
        noisy, sensor = parts["clean"] + self.scale * parts["noise"], self.model.setting.sensor
        return unit_from_signed(parts["clean"]), unit_from_signed(sensor(sensor.rounded(noisy)))
