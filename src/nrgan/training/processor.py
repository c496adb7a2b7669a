"""Which processor computes, and with which of its units."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

# unit → what torch.cpu calls the question whether the processor has it; each builds on the ones before it
_UNITS = {
    "AVX2": "_is_avx2_supported",
    "AVX512": "_is_avx512_supported",
    "AVX512-BF16": "_is_avx512_bf16_supported",
    "AMX": "_is_amx_tile_supported",
}
# value of ONEDNN_MAX_CPU_ISA → the last unit that it leaves; a value that is not here leaves all
_HELD_TO = {
    "SSE41": None,
    "AVX": None,
    "AVX2": "AVX2",
    "AVX2_VNNI": "AVX2",
    "AVX2_VNNI_2": "AVX2",
    "AVX512_CORE": "AVX512",
    "AVX512_CORE_VNNI": "AVX512",
    "AVX512_CORE_BF16": "AVX512-BF16",
    "AVX512_CORE_FP16": "AVX512-BF16",
    "AVX10_1_512": "AVX512-BF16",
    "AVX10_2": "AVX512-BF16",
    "AVX10_2_512": "AVX512-BF16",
}
_WORDS = {"AVX512-BF16": "bfloat16 dot products"}
_VECTORS = ("AVX512", "AVX2")
_NO_VECTORS = ("DEFAULT", "NO AVX", "NO VSX", "NO ZVECTOR")


@dataclass(frozen=True)
class Processor:
    """The processor as this process may use it."""

    name: str
    """As its maker calls it, such as "AMD EPYC"."""
    units: tuple[str, ...]
    """Of AVX2, AVX512, AVX512-BF16 and AMX, those that convolutions may use; none on other kinds of processor."""
    vectors: str
    """The vector unit that torch's own kernels use for everything else: AVX2, AVX512, SVE256, …, DEFAULT (none)."""
    threads: int
    """Threads that an operation of torch is spread over."""

    def describe(self) -> str:
        """In words: "AMD EPYC (AVX512, bfloat16 dot products), 2 threads"."""
        widest = [unit for unit in _VECTORS if unit in self.units][:1]
        parts = widest + [_WORDS.get(unit, unit) for unit in self.units if unit not in _VECTORS]
        if self.vectors in _NO_VECTORS:
            parts += ["no vectors outside convolutions"] if widest else []
        elif [self.vectors] != widest:
            parts.append(f"{self.vectors} outside convolutions" if self.vectors in _VECTORS else self.vectors)
        units = f" ({', '.join(parts)})" if parts else ""
        return f"{self.name}{units}, {self.threads} {'thread' if self.threads == 1 else 'threads'}"


def processor() -> Processor:
    """The processor, and the units that the environment leaves to torch.

    ONEDNN_MAX_CPU_ISA (or its older name DNNL_MAX_CPU_ISA) can hold oneDNN to fewer units, ATEN_CPU_CAPABILITY torch's
    own kernels; both are read by the libraries once a process.
    """
    vectors = torch.backends.cpu.get_cpu_capability()
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    allowed = _left_to_onednn() if onednn else _up_to(vectors)
    return Processor(
        name=_name(),
        units=tuple(unit for unit in allowed if getattr(torch.cpu, _UNITS[unit], bool)()),
        vectors=vectors,
        threads=torch.get_num_threads(),
    )


def _left_to_onednn() -> list[str]:
    """The units that the environment does not keep from oneDNN."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    return _up_to(_HELD_TO.get(limit.upper(), "AMX"))


def _up_to(last: str | None) -> list[str]:
    names = list(_UNITS)
    return names[: names.index(last) + 1] if last in names else []


def _name() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown processor"
