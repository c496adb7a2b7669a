"""The convolutions as the paper draws them, resampling and convolution one after the other: for the ablation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch.nn.functional as F
from torch import Tensor

from nrgan.networks.convolutions import DownConv, UpConv, mean_pool, upsample


def plain_up(self: UpConv, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """conv3x3(up(x)) at the high resolution."""
    return F.conv2d(upsample(x), kernel, bias, padding=1)


def plain_down(self: DownConv, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """meanpool(conv3x3(x)) at the high resolution."""
    return mean_pool(F.conv2d(x, kernel, bias, padding=1))


@contextmanager
def plain_convolutions() -> Iterator[Any]:
    """Within it, all networks use the plain forms."""
    with patch.object(UpConv, "convolve", plain_up), patch.object(DownConv, "convolve", plain_down):
        yield
