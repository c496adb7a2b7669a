"""Writes a denoiser or a generator as a file for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nrgan.denoising.denoiser import Denoiser, is_denoiser
from nrgan.errors import UserError
from nrgan.exporting.function import Function, denoising_function, generating_function
from nrgan.exporting.onnx_file import check_libraries, onnx_model
from nrgan.exporting.package import package
from nrgan.runs import TrainedModel
from nrgan.storage import check_output, writing

MODEL, PACKAGE = ".onnx", ".zip"
"""Ends of names."""


@dataclass(frozen=True)
class Exported:
    """A written file: its tensors, float32 and images in the data's own values, and how true it is."""

    file: Path
    input: str
    output: str
    difference: float
    """Between onnxruntime's answers and the network's, at most, as a share of the range."""


def export(path: str | Path, file: str | Path, overwrite: bool = False) -> Exported:
    """Writes what `path` holds, a denoiser or a run (or a snapshot of either), as `file`.

    .onnx: an ONNX model. A denoiser maps noisy (B, C, H, W) to clean, any B, H and W; a run's generator latent (B, L),
    standard normal, to clean. .zip: a bioimage.io model package of a denoiser. Images are float32 in the data's own
    values. The file is compared with the network, in onnxruntime, before it is written. Raises `UserError`; over a
    file not ours too, unless `overwrite`.
    """
    path, file = Path(path), Path(file)
    if (kind := file.suffix.lower()) not in (MODEL, PACKAGE):
        raise UserError(f"<file> {file}: must end with {MODEL}, or for a denoiser with {PACKAGE}")
    check_libraries()
    check_output(file, overwrite)
    function = _function_of(path)
    if kind == PACKAGE and function.tiling is None:
        raise UserError(f"<file> {file}: such a package holds a denoiser, and {path} is a run; end it with {MODEL}")
    content, difference = onnx_model(function)
    if kind == PACKAGE:
        content = package(function, content)
    with writing(file) as part:
        part.write_bytes(content)
    return Exported(file, function.input, function.output, difference)


def _function_of(path: Path) -> Function:
    if is_denoiser(path):
        return denoising_function(Denoiser.load(path))
    return generating_function(TrainedModel.load(path))
