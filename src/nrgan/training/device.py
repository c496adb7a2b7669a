"""Where to compute."""

from __future__ import annotations

import ctypes
import os
import platform

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


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that `--precision` means on a device: auto takes bfloat16 where its matrix units have it."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    on_gpu = device.type == "cuda"
    fast = torch.cuda.get_device_capability(device) >= (8, 0) if on_gpu else _cpu_has_bfloat16()
    return torch.bfloat16 if fast else torch.float32


def _cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices in hardware (AMX, or AVX512's dot products)."""
    checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, bool)() for name in checks)


def keep_freed_memory() -> None:
    """Lets glibc keep freed memory instead of returning it: each step frees and takes the same large blocks.

    Without it the kernel clears every page again, which costs up to 1.4 times the whole step. Elsewhere than with
    glibc nothing happens.
    """
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # the names of malloc.h
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_threshold, 1 << 30)
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 1 << 26)


def prepare_torch(config: TrainConfig) -> torch.device:
    """Sets torch up as the configuration asks, and returns the device."""
    device = choose_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    if config.threads:
        torch.set_num_threads(config.threads)
    if device.index is not None:
        torch.cuda.set_device(device)
    # asked for by cuBLAS to be deterministic, and read once a process
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.are_deterministic_algorithms_enabled() != config.deterministic:  # setting it loads torch's compiler
        torch.use_deterministic_algorithms(config.deterministic)
    torch.backends.cudnn.benchmark = not config.deterministic
    return device
