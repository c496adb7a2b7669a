"""How wrong a denoiser is expected to be at each value, learned beside it without a clean image.

Of Gaussian noise of any covariance Σ, the posterior covariance of x is Σ∇f where f(y) = E[x | y] (Tweedie's formula, of
second order), so that the expected squared error of a value is

    v_i(y) = E_m m_i·(∇f(y) m)_i ≈ m_i·(f(y + εm) − f(y))_i/ε      m a draw of the noise at f(y)

A small network is trained towards single draws of that, whose spread is a fraction of the noise's variance; that of
the unbiased risk of a value, (f − y)² + 2v − m², is many times as large. What f lacks of E[x | y] is not in v: one
factor for all brings its mean to where the risk over many images allows it (`choosing.error_scale`). Of generated pairs
v is trained towards (f(y) − x)² itself.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nrgan.corruptions import Fitted
from nrgan.denoising.pairs import Network
from nrgan.draws import FreshDraws
from nrgan.networks.unet import UNet, UNetSizes

_WIDTH = 16
_STEP = 0.02
"""ε: small beside the noise, large beside the rounding of float32."""
_LEAST = 0.1
"""c, of the mean square of what the denoiser takes away."""


class ErrorNetwork(nn.Module):
    """v ≥ 0, (B, C, H, W), of noisy images and their denoised ones; v(a·y, a·f) = a²·v(y, f) as errors do."""

    def __init__(self, sizes: UNetSizes) -> None:
        super().__init__()
        self.channels = sizes.image_channels
        self.sizes = UNetSizes(2 * sizes.image_channels, min(_WIDTH, sizes.width), sizes.stages, sizes.blocks)
        self.net = UNet(self.sizes)

    def forward(self, y: Tensor, found: Tensor) -> Tensor:
        seen = torch.cat([(y - found).abs(), found], 1)
        root: Tensor = self.net(seen)[:, : self.channels]
        return root**2

    def loss(self, y: Tensor, found: Tensor, squared_error: Tensor) -> Tensor:
        """The mean of ((v − e)/(v + c))², the denominator held: least at v = E e, of what is small and large alike.

        Times (c/E r²)², to be of the size of the errors' own spread.
        """
        v, taken = self(y, found), (y - found).square().mean().clamp(min=1e-12)
        c = _LEAST * taken
        return _LEAST**2 * ((v - squared_error) / (v.detach() + c)).square().mean()


class Judged(NamedTuple):
    """Noisy images, what the denoiser makes of them, and a draw of its squared errors, (B, C, H, W) each."""

    noisy: Tensor
    found: Tensor
    squared_error: Tensor


@torch.no_grad()
def probed(f: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Judged:
    """Of noisy images y whose noise has the law."""
    found = f(y)
    m = law.simulate_noise(found, FreshDraws(rng, y.device, y.dtype))
    return Judged(y, found, m * (f(y + _STEP * m) - found) / _STEP)


@torch.no_grad()
def known(f: Network, clean: Tensor, noisy: Tensor) -> Judged:
    """Of pairs."""
    found = f(noisy)
    return Judged(noisy, found, (found - clean) ** 2)
