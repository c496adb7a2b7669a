"""Reading CIFAR's pickled batches as data: nothing in the file is ever called.

The batches are pickles of Python 2, and a pickle can name any function to be called. This reader knows the three names
that a pickled numpy array uses, gives them stand-ins that only hold what the file says, and refuses all others.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError


class _HeldType:
    """Stands in for `numpy.dtype`: holds the type's code, checked when the array is taken out."""

    def __init__(self, code: Any = None, *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """The byte order and such: of no meaning for bytes."""


class _HeldArray:
    """Stands in for a numpy array: holds its shape, type and bytes."""

    def __init__(self, *_: Any) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> npt.NDArray[np.uint8]:
        _, shape, kind, fortran_order, data = self.state
        if not isinstance(kind, _HeldType) or kind.code not in (b"u1", "u1") or fortran_order:
            raise ValueError("the array is not of bytes in row order")
        data = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(data, dtype=np.uint8).reshape(shape)


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _HeldArray,
    ("numpy._core.multiarray", "_reconstruct"): _HeldArray,
    ("numpy", "ndarray"): None,  # only ever an argument of _reconstruct
    ("numpy", "dtype"): _HeldType,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch of images needs")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it holds outside references, which no batch of images does")


_ARGUMENTS = {ord(row.code): row.arg.n if row.arg else 0 for row in pickletools.opcodes}
"""Bytes of an instruction's argument; below 0 where the argument itself says how many, or ends with its line."""
_COUNTED = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""Bytes of the count that such an argument begins with."""
_LINES = {ord(row.code): 2 if row.name in ("GLOBAL", "INST") else 1 for row in pickletools.opcodes}
"""Lines of such an argument."""
_PUT, _PUTS = ord("p"), {ord("q"): 1, ord("r"): 4}


def _check_memo(data: bytes) -> None:
    """Raises `ValueError` where a place in the reader's memory is asked for that lies beyond its instructions.

    The reader takes memory for all the places before it, so that ten bytes could ask for gigabytes.
    """
    place = seen = 0
    while place < len(data):
        code, seen, place = data[place], seen + 1, place + 1
        if code not in _ARGUMENTS:
            raise ValueError(f"it has the instruction {code}, which there is not")
        size = _ARGUMENTS[code]
        if size == pickletools.UP_TO_NEWLINE:
            end = place
            for _ in range(_LINES[code]):
                end = data.index(b"\n", end) + 1
            index = int(data[place : end - 1]) if code == _PUT else 0
            size = end - place
        else:
            index = int.from_bytes(data[place : place + _PUTS[code]], "little") if code in _PUTS else 0
            if size < 0:
                count = _COUNTED[size]
                size = count + int.from_bytes(data[place : place + count], "little")
        if not 0 <= index <= seen:
            raise ValueError(f"it numbers an object {index}, among {seen} instructions")
        place += size


def read_batch(source: Path, content: bytes) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """The images, (N, 3072) uint8, and labels of one pickled CIFAR-10 batch; `source` names it in errors.

    Raises `UserError` where the file is cut short, not such a batch, or asks for code to be run.
    """
    try:
        _check_memo(content)
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
        data = batch[b"data"].array()
        labels = [int(label) for label in batch[b"labels"]]
        if data.ndim != 2 or data.shape[1] != 3 * 32 * 32 or len(labels) != len(data):
            raise ValueError(f"it holds {data.shape} values and {len(labels)} labels, not N images of 32x32x3")
    except (EOFError, MemoryError) as error:
        raise UserError(f"{source}: the file is cut short; fetch it again") from error
    except Exception as error:  # a malformed pickle can raise nearly anything, all of it meaning the same
        reason = "the file is cut short" if "truncated" in str(error) else str(error)
        raise UserError(f"{source}: not a CIFAR-10 batch: {reason}; fetch it again") from error
    return data, labels
