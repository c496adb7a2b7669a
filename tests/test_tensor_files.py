"""Sealed tensors: every byte that has changed is seen, and nothing is loaded that is not what is expected."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nrgan.errors import Damaged, UserError
from nrgan.tensor_files import TensorSpec, check_seal, load_tensors, read_header, specs_of, write_sealed

TENSORS = {"a": torch.arange(3.0), "b": torch.tensor([[True, False]]), "rng": torch.arange(5, dtype=torch.uint8)}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    # words like those of a seal, in the document that it is kept beside
    write_sealed(TENSORS, {"nrgan": json.dumps({"sha256": "0" * 64})}, path)
    return path


def test_what_was_written_is_read(sealed: Path) -> None:
    check_seal(sealed)
    header = read_header(sealed)
    assert header.specs == specs_of(TENSORS) and json.loads(header.metadata["nrgan"]) == {"sha256": "0" * 64}
    read = load_tensors(sealed, specs_of(TENSORS))
    assert read.keys() == TENSORS.keys() and all(torch.equal(read[name], TENSORS[name]) for name in read)


@pytest.mark.parametrize("flip", [1, 0x20, 0x80, 0xFF])
def test_every_byte_that_has_changed_is_seen(sealed: Path, flip: int) -> None:
    whole = sealed.read_bytes()
    for place in range(len(whole)):
        sealed.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        with pytest.raises(Damaged):
            check_seal(sealed)


def test_every_cut_and_every_addition_is_seen(sealed: Path) -> None:
    whole = sealed.read_bytes()
    for content in (*(whole[:end] for end in range(len(whole))), whole + b"\0", whole + whole):
        sealed.write_bytes(content)
        with pytest.raises(Damaged):
            check_seal(sealed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"a": torch.zeros(4)}, r"a is float32 \[4\], and should be float32 \[3\]"),
        ({"a": torch.zeros(3, dtype=torch.float64)}, r"a is float64 \[3\], and should be float32 \[3\]"),
        ({"c": torch.zeros(1)}, "holds c beside its own"),
        ({"a": torch.tensor([0.0, float("nan"), 0.0])}, "a holds values that are not finite"),
        ({"a": torch.tensor([0.0, float("inf"), 0.0])}, "a holds values that are not finite"),
    ],
)
def test_what_is_not_expected_is_refused(tmp_path: Path, changed: dict[str, torch.Tensor], message: str) -> None:
    save_file(TENSORS | changed, tmp_path / "other")
    with pytest.raises(UserError, match=message):
        load_tensors(tmp_path / "other", specs_of(TENSORS))
    with pytest.raises(UserError, match="it lacks d and 1 more"):
        load_tensors(tmp_path / "other", {**specs_of(TENSORS | changed), "d": TensorSpec(torch.float32, ()), "e": None})  # type: ignore[dict-item]


def test_a_pipe_or_a_folder_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "nothing"):
        for read in (check_seal, read_header):
            with pytest.raises(UserError, match="cannot be read") as refused:
                read(path)
            assert not isinstance(refused.value, Damaged), "another user, or another time, may read it"


@pytest.mark.parametrize(
    "header", [b"\xff" * 8 + b"{}", (2**40).to_bytes(8, "little") + b"{}", b"", b"\2\0\0\0\0\0\0\0[]", b"[" * 5000]
)
def test_headers_that_lie_are_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(header if header[:1] != b"[" else len(header).to_bytes(8, "little") + header)
    with pytest.raises(Damaged):
        read_header(path)
