"""How wrong a denoiser is expected to be at each value, learned beside it without a clean image.

With m a draw of the noise at f(y), and ∇f the derivative of the denoiser f:

    slope    E_m m_i·(∇f(y) m)_i ≈ m_i·(f(y + εm) − f(y))_i/ε
             the posterior variance of x_i where the noise is Gaussian and f(y) = E[x | y] (Tweedie's formula, of second
             order): what remains unknown of the image
    spread   E_m (f(f(y) + m) − f(f(y)))_i²
             the noise that f lets through

An f that is E[x | y] has a spread no larger than its slope; one that is not yet may let more through. The greater of
the two means is told. Both are learned from single draws, which spread about as much as they are large; the unbiased
risk of a value, (f − y)² + 2·slope − m², spreads a hundred times as much. What neither has is the bias of f; one factor
for all brings the mean to where the risk over many images allows it (`choosing.error_scale`). Of generated pairs
(f(y) − x)² is learned itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nrgan.corruptions import Fitted
from nrgan.denoising.pairs import Network
from nrgan.draws import FreshDraws

_STEP = 0.02
"""ε: small beside the noise, large beside the rounding of float32."""
_WINDOWS = (3, 7, 15)
"""Sides of the squares in which the contrast of the denoised image is seen; of the largest the level is, too."""
_NEAR = 5
_WIDTH = 16
_FAINT = 1e-4
"""Of the local level: contrast that is not told from none."""
_USUAL, _BOUND = -3.0, 4.0
"""Logarithms of the error over what was taken away: where learning begins, and how far from there it can be."""
_RATE = 5.0
"""Times the denoiser's learning rate: a few weights, learned from many values."""


class ErrorNetwork(nn.Module):
    """v ≥ 0, (B, C, H, W), the expected squared errors; v(a·y, a·f) = a²·v(y, f).

    v = s·exp(g), with s the mean of (y − f)² over 15x15 pixels, and g a small network of each pixel's surroundings in
    its channel: the contrast of f in three windows, and of what was taken away in one, over s.
    """

    radius = max(_WINDOWS) // 2
    """Pixels beyond which nothing changes an answer, given the denoised image."""

    def __init__(self) -> None:
        super().__init__()
        widths = (len(_WINDOWS) + 1, _WIDTH, _WIDTH)
        layers = [(nn.Conv2d(a, b, 1), nn.ReLU()) for a, b in pairwise(widths)]
        self.net = nn.Sequential(*(layer for pair in layers for layer in pair), nn.Conv2d(_WIDTH, 2, 1))

    def initialise(self, rng: torch.Generator) -> None:
        """Draws the weights; the last ones are 0."""
        with torch.no_grad():
            for part in (part for part in self.net if isinstance(part, nn.Conv2d)):
                part.weight.normal_(0, (2 / part.in_channels) ** 0.5, generator=rng)
                if part.bias is not None:
                    part.bias.zero_()
            part.weight.zero_()

    def forward(self, y: Tensor, found: Tensor) -> Tensor:
        return self.parts(y, found).amax(2)

    def parts(self, y: Tensor, found: Tensor) -> Tensor:
        """Slope and spread by themselves, (B, C, 2, H, W)."""
        b, c, h, w = y.shape
        f = found.reshape(b * c, 1, h, w)
        taken = (y.reshape(b * c, 1, h, w) - f) ** 2
        s = _mean(taken, max(_WINDOWS)).clamp(min=1e-12)
        contrasts = [(_mean(f * f, k) - _mean(f, k) ** 2).clamp(min=0) for k in _WINDOWS]
        seen = [((each / s) + _FAINT).log() for each in (*contrasts, _mean(taken, _NEAR))]
        g = _USUAL + _BOUND * torch.tanh(self.net(torch.cat(seen, 1) / _BOUND) / _BOUND)
        return (s * g.exp()).view(b, c, 2, h, w)

    def loss(self, judged: Judged) -> Tensor:
        """The mean of log v + e/v, whose mean is least at v = E e; of both parts."""
        v = self.parts(judged.noisy, judged.found)
        return (v.log() + judged.squared_errors / v).mean()


class Judged(NamedTuple):
    """Noisy images, what the denoiser makes of them, (B, C, H, W), and a draw of its errors, (B, C, 2, H, W)."""

    noisy: Tensor
    found: Tensor
    squared_errors: Tensor


@torch.no_grad()
def probed(f: Network, y: Tensor, law: Fitted, rng: torch.Generator) -> Judged:
    """Slope and spread, of noisy images y whose noise has the law."""
    found = f(y)
    m = law.simulate_noise(found, FreshDraws(rng, y.device, y.dtype))
    slope = m * (f(y + _STEP * m) - found) / _STEP
    return Judged(y, found, torch.stack([slope, (f(found + m) - f(found)) ** 2], 2))


@torch.no_grad()
def known(f: Network, clean: Tensor, noisy: Tensor) -> Judged:
    """The errors themselves, of pairs."""
    found = f(noisy)
    error = (found - clean) ** 2
    return Judged(noisy, found, torch.stack([error, error], 2))


def learning_rate(of_denoiser: float) -> float:
    """Of the error network."""
    return _RATE * of_denoiser


def _mean(values: Tensor, side: int) -> Tensor:
    """Over squares, reflected at the border."""
    half = side // 2
    if min(values.shape[-2:]) <= half:  # which reflection would need
        return values.mean((2, 3), keepdim=True).expand_as(values)
    return F.avg_pool2d(F.pad(values, (half,) * 4, mode="reflect"), side, 1)
