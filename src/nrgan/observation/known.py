"""The true corruption, simulated afresh: AmbientGAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nrgan.corruptions import AdditiveNoise, Corruption
from nrgan.draws import Draws
from nrgan.networks import Family, NetworkSizes
from nrgan.observation.base import Model, Observation, Observer
from nrgan.ranges import signed_difference, signed_from_unit, unit_from_signed
from nrgan.settings import Setting


@dataclass(frozen=True)
class Known(Model):
    """D sees the generated image through the setting's own simulator. AmbientGAN (Bora, Price & Dimakis 2018)."""

    def unfit(self, setting: Setting) -> str | None:
        if setting.corruption.known:
            return None
        how = "<noise> tells it, <corrupt> adds one that is"
        return f"needs to know the noise, and that of {setting.name} is not described ({how})"

    def observer(self, setting: Setting, family: Family, sizes: NetworkSizes) -> Observer:
        law = setting.corruption.law
        if not isinstance(law, AdditiveNoise):
            return _KnownCorruption(setting, law)
        return (_KnownReplacing if law.replaces else _KnownNoise)(setting, law)


class KnownNoise:
    """A `NoiseSampler` of a known law, or of one with plain numbers."""

    needs_latent = False

    def __init__(self, law: AdditiveNoise) -> None:
        self.law = law

    def sample(self, x: Tensor, draws: Draws, z: Tensor | None = None) -> Tensor:
        """See `NoiseSampler`."""
        return signed_difference(self.law.simulate_noise(unit_from_signed(x), draws.within("corruption")))


class _KnownNoise(Observer, KnownNoise):
    def __init__(self, setting: Setting, law: AdditiveNoise) -> None:
        Observer.__init__(self, setting)
        KnownNoise.__init__(self, law)

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        return self.observed(x, self.sample(x, draws), draws=draws)


class _KnownReplacing(_KnownNoise):
    """Of noise in whose place some pixels keep nothing: through those no gradient flows."""

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        noisy = signed_from_unit(self.law.simulate(unit_from_signed(x), draws.within("corruption")))
        return Observation(self.seen(noisy, draws), None, {"clean": x, "noise": (noisy - x).detach(), "noisy": noisy})


class _KnownCorruption(Observer):
    """Of what is more than noise: the gradient flows through the simulator."""

    def __init__(self, setting: Setting, corruption: Corruption) -> None:
        super().__init__(setting)
        self.corruption = corruption

    def forward(self, x: Tensor, z: Tensor, draws: Draws) -> Observation:
        y = signed_from_unit(self.corruption.simulate(unit_from_signed(x), draws.within("corruption")))
        return Observation(self.seen(y, draws), None, {"clean": x, "noisy": y})
