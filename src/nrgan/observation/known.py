"""The true corruption, simulated afresh: AmbientGAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nrgan.corruptions import Corruption
from nrgan.draws import Draws
from nrgan.errors import UserError
from nrgan.images import signed_difference, unit_from_signed
from nrgan.observation.base import Model, Observation, Observer, Sizes
from nrgan.observation.views import View
from nrgan.settings import Setting


@dataclass(frozen=True)
class Known(Model):
    """D sees the generated image through the setting's own simulator. AmbientGAN (Bora, Price & Dimakis 2018)."""

    def check(self, name: str, setting: Setting) -> None:
        if not setting.corruption.known:
            raise UserError(
                f"{name} needs to know the noise, and that of {setting.name} is not described; use sinrgan2 or sdnrgan2"
                " (nrgan diagnose tells which), or name a noise to add with --corrupt"
            )

    def observer(self, setting: Setting, view: View, sizes: Sizes, diversity_weight: float) -> Observer:
        return _KnownObserver(view, setting.corruption)


class _KnownObserver(Observer):
    def __init__(self, view: View, corruption: Corruption) -> None:
        super().__init__(view)
        self.corruption = corruption

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        n = self.corruption.simulate_noise(unit_from_signed(x), draws.within("corruption"))
        return self.observed(x, signed_difference(n))
