"""Tensors in safetensors files: what a file holds is known before any of it is loaded, and damage to it is seen.

A sealed file has, in the `sha256` of its metadata, the SHA-256 of all its bytes, header and padding included, with the
64 characters of the digest itself read as zeros. So every byte that has changed is seen, whichever it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nrgan.errors import Damaged, UserError, first_line
from nrgan.reading import open_regular

_SEAL = "sha256"
_BLANK = "0" * 64
_PLACE = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_MOST_HEADER = 100_000_000
"""Bytes of a header, as the format's own library has it."""
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "BOOL": torch.bool,
}


class TensorSpec(NamedTuple):
    """What kind of tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')} {list(self.shape)}"


class Header(NamedTuple):
    """What a file says of itself."""

    metadata: dict[str, str]
    specs: dict[str, TensorSpec]


def specs_of(tensors: Mapping[str, Tensor]) -> dict[str, TensorSpec]:
    """What kinds of tensors they are."""
    return {name: TensorSpec(value.dtype, tuple(value.shape)) for name, value in tensors.items()}


def write_sealed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], path: Path) -> None:
    """Writes tensors with a seal; raises `OSError` where it cannot."""
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    data = memoryview(save(contiguous, metadata={**metadata, _SEAL: _BLANK}))
    length = int.from_bytes(data[:8], "little")
    found = _PLACE.search(data[8 : 8 + length])
    assert found is not None
    start, stop = (8 + place for place in found.span(1))
    with path.open("wb") as file:
        for part in (data[:start], hashlib.sha256(data).hexdigest().encode(), data[stop:]):
            file.write(part)


def check_seal(path: Path) -> None:
    """Raises `Damaged` unless every byte of a sealed file is as it was written, `UserError` where it cannot be read."""
    try:
        with open_regular(path) as file:
            begin, header = _raw_header(file)
            found = _PLACE.search(header)
            if found is None:
                raise ValueError("it has no seal")
            digest = hashlib.sha256(begin)
            digest.update(header[: found.start(1)] + _BLANK.encode() + header[found.end(1) :])
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise Damaged(f"{path}: is damaged or cut short ({first_line(error)})") from error
    if digest.hexdigest().encode() != found[1]:
        raise Damaged(f"{path}: is damaged: it is not as it was written (SHA-256)")


def _unreadable(path: Path, error: OSError) -> UserError:
    """No damage: the same file may be read another time, or by another user."""
    return UserError(f"{path}: cannot be read: {error.strerror or error}")


def _raw_header(file: BinaryIO) -> tuple[bytes, bytes]:
    begin = file.read(8)
    length = int.from_bytes(begin, "little")
    if length > _MOST_HEADER:
        raise ValueError("its header would be too long")
    header = file.read(length)
    if len(header) < length:
        raise ValueError("it ends within its header")
    return begin, header


def read_header(path: Path) -> Header:
    """What is in a file, without loading any of it; raises `Damaged`, or `UserError` where it cannot be read."""
    try:
        with open_regular(path) as file:
            described: dict[str, Any] = json.loads(_raw_header(file)[1])
        with safe_open(path, framework="pt"):  # the library's own checks: of offsets, and of the file's length
            pass
        metadata = described.pop("__metadata__", {})
        specs = {name: TensorSpec(_DTYPES[row["dtype"]], tuple(row["shape"])) for name, row in described.items()}
    except KeyError as error:
        raise UserError(f"{path}: holds tensors of a type that is not known here ({error})") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise Damaged(f"{path}: is damaged or cut short ({first_line(error)})") from error
    return Header(metadata, specs)


def load_tensors(path: Path, expected: Mapping[str, TensorSpec]) -> dict[str, Tensor]:
    """The tensors of a file that holds those `expected` and no others, all finite.

    Nothing is loaded before their names, types and shapes have been compared. Raises `UserError`.
    """
    check_specs(path, read_header(path).specs, expected)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in expected}
    except OSError as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        raise Damaged(f"{path}: is damaged or cut short ({first_line(error)})") from error
    for name, value in tensors.items():
        is_wide = value.is_floating_point() and value.element_size() > 1  # eight bits have no such values to ask for
        if (is_wide or value.is_complex()) and not bool(value.isfinite().all()):
            raise UserError(f"{path}: {name} holds values that are not finite")
    return tensors


def check_specs(path: Path, found: Mapping[str, TensorSpec], expected: Mapping[str, TensorSpec]) -> None:
    """Raises `UserError`, naming the first, where tensors are missing, too many, or of other types or shapes."""
    if missing := sorted(expected.keys() - found.keys()):
        raise UserError(f"{path}: is of another network: it lacks {missing[0]}{_and_more(missing)}")
    if strange := sorted(found.keys() - expected.keys()):
        raise UserError(f"{path}: is of another network: it holds {strange[0]}{_and_more(strange)} beside its own")
    for name, spec in expected.items():
        if found[name] != spec:
            raise UserError(f"{path}: is of another network: {name} is {found[name]}, and should be {spec}")


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
