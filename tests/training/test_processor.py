"""The processor and its units are named as the libraries use them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nrgan.training import processor as module
from nrgan.training.processor import Processor, processor

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "ONEDNN_VERBOSE", "OMP_NUM_THREADS")
CODE = """
import torch
from nrgan.training.processor import processor
torch.conv2d(torch.randn(32, 16, 32, 32), torch.randn(16, 16, 3, 3))  # large enough for oneDNN
found = processor()
print("units", *found.units)
print("vectors", found.vectors)
print("threads", found.threads)
print("described", found.describe())
"""


def said(**environment: str) -> tuple[dict[str, str], str]:
    """What `processor` says in a process with this environment, and what oneDNN calls the units that it uses."""
    env = {name: value for name, value in os.environ.items() if name not in LIMITS}
    env |= {"ONEDNN_VERBOSE": "1", "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=env)
    lines = [line.partition(" ")[::2] for line in done.stdout.splitlines() if not line.startswith("onednn_verbose")]
    isa = [line.rpartition(":")[2] for line in done.stdout.splitlines() if ",cpu,isa:" in line]
    return dict(lines), isa[0] if isa else ""


on_x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available(),
    reason="oneDNN's units are those of x86",
)


@on_x86
@pytest.mark.parametrize("limit", ["", "AVX512_CORE_BF16", "avx512_core", "AVX2", "SSE41"])
def test_units_are_those_that_onednn_uses(limit: str) -> None:
    found, isa = said(**({"ONEDNN_MAX_CPU_ISA": limit} if limit else {}))
    if not isa:
        pytest.skip("this build of oneDNN does not say what it uses")
    units = found["units"].split()
    wide = "AVX-512" in isa or "AVX10" in isa  # its name where both are there
    assert ("AMX" in units) == ("Intel AMX" in isa)
    assert ("AVX512-BF16" in units) == (wide and "bfloat16" in isa)
    assert ("AVX512" in units) == wide
    assert ("AVX2" in units) == ("AVX2" in isa or wide)


@on_x86
def test_the_older_name_of_the_limit_counts_too_and_the_newer_before_it() -> None:
    assert said(DNNL_MAX_CPU_ISA="AVX")[0]["units"] == ""
    assert said(DNNL_MAX_CPU_ISA="AVX", ONEDNN_MAX_CPU_ISA="AVX2")[0]["units"] in ("AVX2", "")


@on_x86
def test_all_held_to_avx2() -> None:
    found, _ = said(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2")
    if found["units"] != "AVX2":
        pytest.skip("this processor has no AVX2")
    assert found["vectors"] == "AVX2" and found["threads"] == "1"
    assert found["described"].endswith(" (AVX2), 1 thread")


@pytest.mark.parametrize(
    ("units", "vectors", "threads", "described"),
    [
        (("AVX2", "AVX512", "AVX512-BF16"), "AVX512", 2, "X (AVX512, bfloat16 dot products), 2 threads"),
        (
            ("AVX2", "AVX512", "AVX512-BF16", "AMX"),
            "AVX512",
            8,
            "X (AVX512, bfloat16 dot products, AMX), 8 threads",
        ),
        (("AVX2",), "AVX2", 1, "X (AVX2), 1 thread"),
        (("AVX2",), "AVX512", 1, "X (AVX2, AVX512 outside convolutions), 1 thread"),
        (("AVX2",), "DEFAULT", 1, "X (AVX2, no vectors outside convolutions), 1 thread"),
        ((), "AVX2", 1, "X (AVX2 outside convolutions), 1 thread"),
        ((), "SVE256", 4, "X (SVE256), 4 threads"),
        ((), "DEFAULT", 8, "X, 8 threads"),
    ],
)
def test_described_in_words(units: tuple[str, ...], vectors: str, threads: int, described: str) -> None:
    assert Processor("X", units, vectors, threads).describe() == described


def test_where_little_is_known_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """No /proc, an unnamed processor, no oneDNN, and a torch without the questions."""
    monkeypatch.setattr(module, "Path", lambda path: Path("no") / "such" / "file")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    for question in module._UNITS.values():
        monkeypatch.delattr(torch.cpu, question, raising=False)
    found = processor()
    assert found.name == "unknown processor" and found.units == ()
