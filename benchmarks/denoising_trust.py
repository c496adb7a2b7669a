"""Is what denoisers say of themselves true? Risk and expected errors, beside the truth on CIFAR-10's test images.

    python benchmarks/denoising_trust.py DENOISER [DENOISER ...] [--images 400] [--data-root DIR] [--clip] [--json FILE]

DENOISERS: of one setting, as by `nrgan train-denoiser cifar10bg25k5 DENOISER --no-clip --uncertainty`. Prints the PSNR
of pooled squared errors of each and of non-local means, true and as estimated from the noisy images alone with the
noise that the first denoiser was trained for, so that their order can be compared; and of the first, where it tells
expected errors, the mean squared error over the one that was told, in all and in ten bins of what was told.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nrgan.denoising.classical import classical
from nrgan.denoising.denoiser import Denoiser
from nrgan.denoising.evaluate import unseen_pairs
from nrgan.denoising.judging import risk
from nrgan.denoising.mapping import Mapping
from nrgan.errors import UserError
from nrgan.evaluation.protocol import Resources
from nrgan.reports.markdown import markdown_table
from nrgan.settings import find_setting
from nrgan.storage import write_json
from nrgan.training.processor import processor

_BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("denoisers", type=Path, nargs="+", metavar="DENOISER")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--clip", action="store_true", help="noisy images to 0..1")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = trusted(options)
    rows = [
        [m["method"], *(f"{m[name]:.2f}" for name in ("true", "estimated", "low", "high"))] for m in found["methods"]
    ]
    print(f"{found['setting']}, {found['images']} images")
    print(markdown_table(["PSNR, dB", "true", "estimated", "from", "to"], rows, "lr"))
    if "errors" in found:
        print(f"squared errors over those told: {found['errors']['all']:.3f}; in bins", end=" ")
        print(" ".join(f"{ratio:.2f}" for ratio in found["errors"]["bins"]))
    if options.json:
        write_json({"processor": processor().describe(), **found}, options.json)


def trusted(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    denoisers = [Denoiser.load(path) for path in options.denoisers]
    about = denoisers[0].about
    if about.law is None or any(f.about.images != about.images for f in denoisers):
        raise UserError("give denoisers of one setting, the first of which knows a law of the noise")
    resources = Resources(options.data_root, None, torch.device("cpu"))
    pairs = list(unseen_pairs(find_setting(about.images), about.side, options.images, options.clip, resources))
    clean, noisy = (torch.from_numpy(np.concatenate(part)) for part in zip(*pairs, strict=True))
    mappings: list[tuple[str, Mapping]] = [(f"{f.about.method} {f.about.rule or ''}".rstrip(), f) for f in denoisers]
    methods = []
    for name, f in [*mappings, ("nlm", classical("nlm", about.law))]:
        told = risk(f, noisy, about.law, level_error=about.level_error)
        psnr = {"true": _psnr(float(_squares(f, clean, noisy).mean())), "estimated": told.psnr}
        methods.append({"method": name, **psnr, **dict(zip(("low", "high"), told.psnr_range, strict=True))})
    found = {"setting": about.images, "images": len(clean), "clip": options.clip, "methods": methods}
    errors, _ = denoisers[0].expected_error()
    if errors is None:
        return found
    wrong, expected = _squares(denoisers[0], clean, noisy), (errors(noisy) ** 2).double()
    parts = expected.flatten().argsort().chunk(_BINS)
    bins = [float(wrong.flatten()[part].mean() / expected.flatten()[part].mean()) for part in parts]
    return {**found, "errors": {"all": float(wrong.mean() / expected.mean()), "bins": bins}}


def _squares(f: Mapping, clean: Tensor, noisy: Tensor) -> Tensor:
    return ((f(noisy) - clean) ** 2).double()


def _said(decibels: float | None) -> str:
    return "?" if decibels is None else f"{decibels:.2f}"


def _psnr(mse: float) -> float:
    return -10 * math.log10(mse)


if __name__ == "__main__":
    main()
