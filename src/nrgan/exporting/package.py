"""A denoiser as a package of the bioimage.io model format 0.5: a zip file of the model, its description and a test.

    rdf.yaml          the description; JSON, which is YAML too
    model.onnx        see `onnx_file`
    test-input.npy    a drawn image, (1, C, H, W) float32
    test-output.npy   what the network makes of it
    README.md         what it is of, for people

Of the format: https://github.com/bioimage-io/spec-bioimage-io.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nrgan.exporting.function import Function, Tiling
from nrgan.exporting.onnx_file import OPSET
from nrgan.layout import README

FORMAT = "0.5.5"
"""The first version that leaves authors and licence open, which only the denoiser's owner can tell."""
_TOLERANCE = 1e-4
"""What a test may differ by: this share of the range, and this share of the value."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the same denoiser gives the same bytes."""


def package(function: Function, model: bytes) -> bytes:
    """The zip file's content; `model`: the function's ONNX model. For a function of images."""
    assert function.tiling is not None
    with torch.no_grad():
        answer = function.network(function.example)
    files = {
        "model.onnx": model,
        "test-input.npy": _npy(function.example.numpy()),
        "test-output.npy": _npy(answer.numpy()),
        README: _readme(function, function.tiling).encode(),
    }
    sources = {name: {"source": name, "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    description = _description(function, function.tiling, sources)
    description["config"] = {"bioimageio": _tolerance(function, answer), "nrgan": dict(function.facts)}
    described = json.dumps(description, indent=1, allow_nan=False)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        # first, and not compressed: it says who made the file, near its beginning
        archive.writestr(zipfile.ZipInfo("rdf.yaml", _TIME), described, zipfile.ZIP_STORED)
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), data, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _npy(array: npt.NDArray[Any]) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def _description(function: Function, tiling: Tiling, sources: dict[str, dict[str, str]]) -> dict[str, Any]:
    facts = function.facts
    channels = [f"channel{number}" for number in range(function.example.shape[1])]
    sizes = {"size": {"min": tiling.least, "step": tiling.multiple}, "concatenable": True}
    of_output = [{"size": {"tensor_id": function.input, "axis_id": axis}, "halo": tiling.halo} for axis in _SPACE]
    return {
        "type": "model",
        "format_version": FORMAT,
        "name": "NR-GAN denoiser",
        "description": f"Removes noise from images like those it was trained on ({facts['images']}); {facts['about']}",
        "documentation": sources[README],
        "tags": ["denoising", "image-restoration", "2d", "nr-gan"],
        "cite": [
            {
                "text": "Kaneko & Harada, Noise Robust Generative Adversarial Networks, CVPR 2020",
                "doi": "10.48550/arXiv.1911.11776",
            }
        ],
        "inputs": [
            _tensor(function.input, "noisy images", channels, [sizes, sizes], sources["test-input.npy"]),
        ],
        "outputs": [
            _tensor(function.output, "the same without noise", channels, of_output, sources["test-output.npy"]),
        ],
        "weights": {"onnx": {**sources["model.onnx"], "opset_version": OPSET}},
    }


_SPACE = ("y", "x")


def _tolerance(function: Function, answer: Tensor) -> dict[str, Any]:
    """How near a program's answer to the test must come; without it, programs take 0.001 of whatever unit."""
    of_range = _TOLERANCE * min(high - low for low, high in function.values.limits)
    absolute = max(0.0, min(of_range, 0.01 * float(answer.max())))  # the format refuses more than 1% of the maximum
    return {"reproducibility_tolerance": [{"relative_tolerance": _TOLERANCE, "absolute_tolerance": absolute}]}


def _tensor(
    name: str, words: str, channels: list[str], sides: list[dict[str, Any]], test: dict[str, str]
) -> dict[str, Any]:
    return {
        "id": name,
        "description": f"{words}, in the images' own values",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": channels},
            *({"type": "space", "id": axis, **side} for axis, side in zip(_SPACE, sides, strict=True)),
        ],
        "data": {"type": "float32"},
        "test_tensor": test,
    }


def _readme(function: Function, tiling: Tiling) -> str:
    facts = function.facts
    return f"""# NR-GAN denoiser

Trained with `nrgan` on {facts["images"]} ({facts["method"]}, {facts["iteration"]:,} iterations).

- Input and output: (batch, {facts["channels"]}, height, width), float32, in the images' own values, without any scaling
  before or after. The training images were {facts["dtype"]}; black is {json.dumps(facts["low"])}, white
  {json.dumps(facts["high"])}. The output is neither clipped nor rounded.
- Any sides from {tiling.smallest_side} pixels on. Large images can be done in parts that begin at multiples of
  {tiling.multiple} and overlap: what lies within {tiling.halo} pixels of a part's edge is cut off. The parts then join
  exactly. Nearer to the image's own edge than that, the answer depends on how the program continues the image.
- It is meant for images of the same instrument, with the same kind and level of noise.

## Validation

Test tensors show that a program computes what `nrgan` does; they say nothing of images. On images of one's own: record
a scene twice, and compare the first, denoised, with the second as it is.

## Before it is published

Authors and licence are left open in `rdf.yaml`; they are the owner's to say.
"""
