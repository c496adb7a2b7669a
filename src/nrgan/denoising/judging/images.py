"""What every judgement does with images: choose some, hand them to f in batches, average over them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from nrgan.corruptions import AdditiveNoise, Fitted
from nrgan.draws import Draws, FreshDraws
from nrgan.errors import UserError

Doubles = npt.NDArray[np.float64]
Denoise = Callable[[Tensor], Tensor]
"""f: a `nrgan.denoising.mapping.Mapping`, or a function that answers as one does."""

BATCH = 16
"""Images that f is handed at once."""
_STREAM = int.from_bytes(b"judging", "big")
"""What sets the draws of judgements apart from others of the same seed."""
_SPOT = 8
"""Side of the squares whose means stand for the signal."""
_OUTER = 0.02


def check_images(images: Tensor) -> None:
    """Raises `UserError` unless they are (B, C, H, W), one at least, and finite."""
    if images.ndim != 4 or not images.numel():
        raise UserError(f"images to judge are (B, C, H, W), one at least, not of shape {tuple(images.shape)}")
    if not bool(torch.isfinite(images).all()):
        raise UserError("images to judge have values that are no numbers; mend them, or leave those images out")


def crops(images: Tensor, most: int, side: int) -> Tensor:
    """(B', C, h, w): at most `most` squares of at most `side` pixels, which do not overlap, evenly over all images."""
    height, width = (min(n, side) for n in images.shape[2:])
    down, across = images.shape[2] // height, images.shape[3] // width
    count = len(images) * down * across
    chosen = [k * count // min(most, count) for k in range(min(most, count))]
    places = [np.unravel_index(k, (len(images), down, across)) for k in chosen]
    return torch.stack([images[b, :, i * height : (i + 1) * height, j * width : (j + 1) * width] for b, i, j in places])


@torch.no_grad()
def answers(f: Denoise, y: Tensor, batch: int = BATCH) -> Tensor:
    """f(y), a batch at a time, as many and as large."""
    return torch.cat([f(part) for part in torch.split(y, batch)])


def draws_for(images: Tensor, seed: int) -> FreshDraws:
    """Fresh draws on the images' device: the same for the same seed.

    Of a stream of their own: the noise of images that somebody has made with the same seed would be drawn again, and
    what takes draws to be independent of it would be wrong.
    """
    own = int(np.random.SeedSequence([_STREAM, seed]).generate_state(1, np.uint64)[0] >> 1)
    return FreshDraws(torch.Generator(images.device).manual_seed(own), images.device, images.dtype)


def noise_of(law: AdditiveNoise, clean: Tensor, draws: Draws) -> Tensor:
    """The law's noise at signals that may lie a little below black, as answers do: most laws have none there."""
    return law.simulate_noise(clean if isinstance(law, Fitted) else clean.clamp(min=0), draws)


def noise_at(clean: Tensor, law: AdditiveNoise, seed: int, batch: int = BATCH) -> Tensor:
    """A draw of the law's noise at clean images, a batch at a time, as many and as large."""
    draws = draws_for(clean, seed)
    return torch.cat([noise_of(law, part, draws) for part in torch.split(clean, batch)])


def stand_in(y: Tensor, answer: Tensor, law: AdditiveNoise) -> Tensor:
    """What stands for the clean images where the law's level depends on them: f(y) with the mean of y, in each channel.

    An answer may be too dark or too bright, while the noise's mean is 0 unless it replaces values. (A median of counted
    events is too dark, which at 8 events costs 16 % of the risk.)
    """
    return answer if law.replaces else answer + (y - answer).mean((2, 3), keepdim=True)


def signals_of(images: Tensor, count: int) -> tuple[float, ...]:
    """`count` signals that the images have: equal steps from the 2 % to the 98 % quantile of means over 8x8 pixels."""
    side = min(_SPOT, *images.shape[2:])
    means = F.avg_pool2d(images, side).double().cpu().numpy()
    low, high = np.quantile(means, (_OUTER, 1 - _OUTER))
    return tuple(float(v) for v in np.linspace(low, high, count))


def flats(signals: tuple[float, ...], like: Tensor, each: int, shape: tuple[int, int]) -> Tensor:
    """(S·each, C, *shape): `each` images of each signal, in the order of the signals."""
    levels = torch.tensor(signals, dtype=like.dtype, device=like.device).repeat_interleave(each)
    return levels[:, None, None, None].expand(-1, like.shape[1], *shape).contiguous()


def standard_error(values: Doubles) -> float | None:
    """Of the mean of values, (N,); None of fewer than two."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def psnr(mse: float) -> float | None:
    """10·log₁₀(1/MSE) dB, peak 1; None where an estimated MSE is not above 0."""
    return -10 * math.log10(mse) if mse > 0 else None
