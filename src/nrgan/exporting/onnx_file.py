"""A function as an ONNX model, held against the network that it is of before anybody gets it."""

from __future__ import annotations

import importlib
import json
import tempfile
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nrgan.errors import NrganError, UserError, first_line
from nrgan.exporting.function import Function

OPSET = 17
"""Of ONNX's operators: has all that is used here, and is old enough for programs that lag behind."""
TOLERANCE = 1e-5
"""Of the range, or of the largest value where that is beyond the range."""


def check_libraries() -> None:
    """Raises `UserError` where a library is missing."""
    for name in ("onnx", "onnxruntime"):
        _library(name)


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"exporting needs {name}: pip install 'nrgan[export]'") from error


def onnx_model(function: Function) -> tuple[bytes, float]:
    """The file's content, and by how much of the range onnxruntime's answers differ from the network's at most.

    Raises `UserError` for a network that cannot be exported, `NrganError` where the answers differ.
    """
    content = _described(_traced(function), function)
    return content, _checked(content, function)


def _traced(function: Function) -> bytes:
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            written = Path(folder) / "model.onnx"
            # that the exporter is an old one, and that branches are followed as they are: see Function.trials
            warnings.simplefilter("ignore")
            torch.onnx.export(
                function.network.eval(),
                (function.trials[0],),
                str(written),
                input_names=[function.input],
                output_names=[function.output],
                dynamic_axes=function.free,
                opset_version=OPSET,
                # by tracing: torch 2.13's newer exporter refuses free sides of these networks, and needs more libraries
                dynamo=False,
            )
            return written.read_bytes()
    except Exception as error:  # a network of the user's own may do anything
        raise UserError(f"this network cannot be exported to ONNX ({first_line(error)})") from error


def _described(content: bytes, function: Function) -> bytes:
    """With its facts; who made it stands near the file's beginning, where `nrgan.storage` looks for it."""
    onnx = _library("onnx")
    model = onnx.load_model_from_string(content)
    model.producer_name, model.doc_string = "nrgan", str(function.facts["about"])
    texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in function.facts.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _checked(content: bytes, function: Function) -> float:
    """The largest difference over all trials, as a share of the range. Raises `NrganError` above what rounding does."""
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [
        _difference(function, x, session.run(None, {function.input: x.numpy()})[0])
        for x in (function.example, *function.trials)
    ]
    return max(found)


@torch.no_grad()
def _difference(function: Function, x: Tensor, answer: npt.NDArray[np.float32]) -> float:
    expected = function.network(x).numpy()
    spans = np.array([high - low for low, high in function.values.limits]).reshape(1, -1, 1, 1)
    lows = np.array(function.values.low).reshape(1, -1, 1, 1)
    if answer.shape != expected.shape:
        raise NrganError(f"onnxruntime gives {answer.shape}, the network {expected.shape}; please report it")
    difference = np.abs(answer.astype(np.float64) - expected) / spans
    largest = max(1.0, float((np.abs(expected - lows) / spans).max()))
    allowed = TOLERANCE * largest + np.spacing(np.abs(expected)) / spans  # what float32 tells apart in own values
    if not (difference <= allowed).all():  # also where there is no number
        raise NrganError(
            f"onnxruntime's answer differs from the network's by {difference.max():.2g} of the range, which is too "
            "much; nothing was written; please report it, with the versions of torch and onnxruntime"
        )
    return float(difference.max())
