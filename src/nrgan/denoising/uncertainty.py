"""How wrong a denoiser is expected to be at each value, learned beside it without a clean image.

v(z, f(z)) is trained towards e = (f(z) − target)² − Var(target), whose mean given the input z is that of (f(z) − x)²:
the target's error is independent of z, so that v is the posterior variance and f's squared bias together. v is fitted
by (v − e)²/(v + c)², its denominator held, so that what is small is told as well as what is large: its mean is least
at v = E[e | z], whatever the spread of e, which is often negative.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nrgan.networks.unet import UNet, UNetSizes

_WIDTH = 16
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
        """The mean of ((v − e)/(v + c))², times (c/E r²)² to be of the size of the errors' own spread."""
        v, taken = self(y, found), (y - found).square().mean().clamp(min=1e-12)
        c = _LEAST * taken
        return _LEAST**2 * ((v - squared_error) / (v.detach() + c)).square().mean()
