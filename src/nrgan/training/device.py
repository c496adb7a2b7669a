"""Where to compute."""

from __future__ import annotations

import os

import torch

from nrgan.errors import UserError
from nrgan.training.config import TrainConfig


def choose_device(name: str) -> torch.device:
    """The device of `--device`: auto takes a CUDA GPU where there is one. Raises `UserError` where it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and (kind == "cpu" or not index.isdigit())):
        raise UserError(f"--device {name}: choose auto, cpu, cuda or cuda:N")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UserError(f"--device {name}: no CUDA GPU is visible to torch {torch.__version__}; use --device cpu")
        if index and int(index) >= count:
            raise UserError(f"--device {name}: there are {count} GPUs, numbered from 0")
    return torch.device(name)


def prepare_torch(config: TrainConfig) -> torch.device:
    """Sets torch up as the configuration asks, and returns the device."""
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by cuBLAS to be deterministic
        torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not config.deterministic
    return device
