"""How much noise images hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skimage import restoration  # loaded where a function is asked for, and it brings much of scipy


def noise_level(images: npt.NDArray[np.uint8] | npt.NDArray[np.floating[Any]]) -> float:
    """The estimated standard deviation of white noise in images, (N, H, W, C), in the unit of their values.

    The median absolute diagonal wavelet coefficient, over its value for unit noise, averaged over channels and images
    (Donoho & Johnstone 1994, as in scikit-image). Fine texture counts as noise: compare with clean images.
    """
    levels = [
        restoration.estimate_sigma(image / 1.0, average_sigmas=True, channel_axis=2)  # type: ignore[no-untyped-call]
        for image in images
    ]
    return float(np.mean(levels))
