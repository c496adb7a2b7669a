"""Is what a denoiser says of itself true? Its risk and its expected errors, beside the truth on CIFAR-10's test images.

    python benchmarks/denoising_trust.py DENOISER [--images 400] [--data-root DIR] [--clip]

DENOISER: of `nrgan train-denoiser cifar10bg25k5 DENOISER --no-clip --uncertainty`, say. Prints the PSNR of pooled
squared errors, true and as estimated from the noisy images alone with the noise that the denoiser was trained for; and
the mean squared error over the one that was told, in all and in ten bins of what was told.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch

from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.evaluate import unseen_pairs
from nrgan.denoising.judging import risk
from nrgan.errors import UserError
from nrgan.evaluation.protocol import Resources
from nrgan.settings import find_setting

_BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("denoiser", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--clip", action="store_true", help="noisy images to 0..1")
    options = parser.parse_args()
    torch.set_num_threads(1)
    f = Denoiser.load(options.denoiser)
    if (law := f.about.law) is None:
        raise UserError(f"{options.denoiser}: knows no law of the noise, and can tell nothing of itself")
    resources = Resources(options.data_root, None, torch.device("cpu"))
    setting = find_setting(f.about.images)
    pairs = list(unseen_pairs(setting, f.about.side, options.images, options.clip, resources))
    clean, noisy = (torch.from_numpy(np.concatenate(part)) for part in zip(*pairs, strict=True))
    wrong = ((f(noisy) - clean) ** 2).double()
    found = risk(f, noisy, law, level_error=f.about.level_error)
    low, high = found.psnr_range
    print(f"{setting.name}, {len(clean)} images, {f.about.method} {f.about.rule or ''}".rstrip())
    print(f"PSNR true {-10 * math.log10(float(wrong.mean())):.2f}, estimated {_said(found.psnr)}", end=" ")
    print(f"({_said(low)} to {_said(high)})")
    errors, why = f.expected_error()
    if errors is None:
        print(f"no expected errors: {why}")
        return
    told = (errors(noisy) ** 2).double()
    order = told.flatten().argsort()
    bins = [float(wrong.flatten()[part].mean() / told.flatten()[part].mean()) for part in order.chunk(_BINS)]
    print(f"squared errors over those told: {float(wrong.mean() / told.mean()):.3f}; in bins", end=" ")
    print(" ".join(f"{ratio:.2f}" for ratio in bins))


def _said(decibels: float | None) -> str:
    return "?" if decibels is None else f"{decibels:.2f}"


if __name__ == "__main__":
    main()
