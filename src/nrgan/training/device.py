"""Where to compute."""

from __future__ import annotations

import ctypes
import os
import platform

import torch

from nrgan.errors import UserError
from nrgan.memory import free_memory
from nrgan.training.config import MachineOptions
from nrgan.training.processor import processor


def choose_device(name: str) -> torch.device:
    """The device of a name: auto takes a CUDA GPU where there is one. Raises `UserError` where it is not there.

    mps, the GPUs of Apple's processors, is experimental: float32, and nothing about it has been measured.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and (kind != "cuda" or not index.isdigit())):
        raise UserError(f"<device> {name}: choose auto, cpu, cuda, cuda:N or mps")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"<device> {name}: torch {torch.__version__} sees no GPU of Apple's here; choose cpu")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UserError(f"<device> {name}: no CUDA GPU is visible to torch {torch.__version__}; use <device> cpu")
        if index and int(index) >= count:
            raise UserError(f"<device> {name}: there are {count} GPUs, numbered from 0")
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that a precision means on a device: auto takes bfloat16 where its matrix units have it.

    Raises `UserError` for one that the device does not train in.
    """
    if precision == "bfloat16" and device.type == "mps":
        raise UserError("<precision> bfloat16: is not for mps; take float32")
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        fast = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        fast = device.type == "cpu" and bool(_MULTIPLY_BFLOAT16 & set(processor().units))
    return torch.bfloat16 if fast else torch.float32


_MULTIPLY_BFLOAT16 = {"AMX", "AVX512-BF16"}


def dtype_name(dtype: torch.dtype) -> str:
    """As the options call it: float32 or bfloat16."""
    return str(dtype).removeprefix("torch.")


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


def memory_for_data(device: torch.device) -> int:
    """Bytes that the training images may take on a device: half of what is free, the rest is the networks'."""
    # they are made in the host's memory, and copied
    return min(free_memory_of(device), free_memory()) // 2


def free_memory_of(device: torch.device) -> int:
    """Bytes that are free on a device."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()


def configure_process(options: MachineOptions) -> torch.device:
    """Sets up this process for training as the options ask, and returns the device. For the command line and scripts.

    It changes what belongs to the whole process: how memory is kept, torch's threads, cuDNN's choices.
    """
    device = choose_device(options.device)
    if device.type == "cpu":
        keep_freed_memory()
    if options.threads:
        torch.set_num_threads(options.threads)
    if device.index is not None:
        torch.cuda.set_device(device)
    # asked for by cuBLAS to be deterministic, and read once a process
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.are_deterministic_algorithms_enabled() != options.deterministic:  # setting it loads torch's compiler
        torch.use_deterministic_algorithms(options.deterministic)
    torch.backends.cudnn.benchmark = not options.deterministic
    return device
