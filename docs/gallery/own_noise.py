"""Noise of one's own, as a class: its law on one image, its simulator on a batch. A denoiser is judged on it."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import RandomState
from scenes import draw_cells, show
from torch import Tensor

from nrgan import AdditiveNoise
from nrgan.draws import Draws, FreshDraws


@dataclass(frozen=True)
class Vignetted(AdditiveNoise):
    """y = x + ε·(1 + r²)·s/255; r the distance from the middle, 1 at the corners; s `level`."""

    level: float = 15

    def noise(self, u: np.ndarray, rng: RandomState) -> np.ndarray:
        return rng.standard_normal(u.shape) * self.level / 255 * self.gain(*u.shape[:2])[..., None]

    def _simulate_noise(self, x: Tensor, draws: Draws) -> Tensor:
        gain = torch.from_numpy(self.gain(*x.shape[2:])).to(x)
        return draws.normal("eps", tuple(x.shape)) * self.level / 255 * gain

    def gain(self, height: int, width: int) -> np.ndarray:
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
        return 1 + (y**2 + x**2) / 2


law, scene = Vignetted(30), draw_cells(side=128, count=1)[0]
by_law = law.corrupt(scene[..., None], RandomState(0))[..., 0]
by_simulator = law.simulate(torch.from_numpy(scene)[None, None].float(), FreshDraws())[0, 0].numpy()
for name, noisy in {"law": by_law, "simulator": by_simulator}.items():
    noise = 255 * (noisy - scene)
    print(f"{name}: level {noise[48:80, 48:80].std():.1f} in the middle, {noise[:16, :16].std():.1f} in a corner")
show("own_noise.png", clean=scene, by_the_law=by_law, by_the_simulator=by_simulator)
