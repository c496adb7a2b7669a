"""What tells of a machine or its user is seen in what would be sent, and what only looks like it is not."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nrgan import UserError, publish
from nrgan.publishing.traces import traces
from small_denoiser import write_denoiser


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "mkurie")
    monkeypatch.setattr(socket, "gethostname", lambda: "bench7.lab.example")
    monkeypatch.setenv("HOME", "/home/mkurie")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"setting": "/data/scans"}', "/data/scans"),
        ('{"setting": "/scans"}', "/scans"),
        ("see `/home/x/run`.", "/home/x/run"),
        ("repr: File(path=/srv/a/b.tif)", "/srv/a/b.tif"),
        ("/first/in/line", "/first/in/line"),
        ('{"setting": "C:\\\\Users\\\\x"}', "C:\\\\Users\\\\x"),
        ("on \\\\server\\share", "\\\\server\\share"),
        ("~/scans", "~/scans"),
        ("by mkurie, 2026", "mkurie"),
        ("by MKurie", "MKurie"),
        ("on bench7: done", "bench7"),
        ("bench7.lab.example", "bench7.lab.example"),
    ],
)
def test_traces_are_seen(text: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text(text)
    assert found in traces(tmp_path / "about.json")


@pytest.mark.parametrize(
    "text",
    [
        "1/2 or and/or, dB/m, 3 / 4, a // b",
        "https://example.org/a/b and hf://you/model",
        "images/scans/a.tif and ./run",
        "mkuries and xbench7",
        "value = (a − b)/(c − d)",
        "</details> <br/>",
    ],
)
def test_what_only_looks_like_it_passes(text: str, tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text(text, encoding="utf-8")
    assert traces(tmp_path / "about.json") == []


def test_a_word_that_is_allowed_passes(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("by mkurie")
    assert traces(tmp_path / "about.json", ["MKurie"]) == []


def test_of_weights_the_header_is_read_and_not_the_numbers(tmp_path: Path) -> None:
    numbers = torch.frombuffer(bytearray(b' "/data/x mkurie '), dtype=torch.uint8)
    save_file({"a": numbers}, tmp_path / "model.safetensors")
    assert traces(tmp_path / "model.safetensors") == []
    save_file({"a": numbers}, tmp_path / "model.safetensors", {"made": "/data/x"})
    assert traces(tmp_path / "model.safetensors") == ["/data/x"]


def test_nothing_that_tells_is_sent(tmp_path: Path) -> None:
    denoiser = write_denoiser(tmp_path / "denoiser", doubts=("as mkurie said",))
    for images, words in ((None, r"README.md: would hold mkurie"), ("from /data/scans", "would hold /data/scans")):
        with pytest.raises(UserError, match=words):
            publish(denoiser, "you/cells", images=images, dry_run=True)
    publish(denoiser, "you/cells", allow=("mkurie",), dry_run=True)
    publish(denoiser, "mkurie/cells", dry_run=True)
