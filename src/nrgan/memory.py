"""How much memory there is, and what one file may take of it.

What a file claims is compared with the limit before anything is allocated for it: a few bytes can ask for gigabytes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nrgan.errors import UserError

LIMIT = "NRGAN_MAX_BYTES"
"""The environment variable that sets the limit of one decode."""
_MOST, _SMALL = 2 << 30, 32 << 20


def free_memory() -> int:
    """Bytes of memory that this process may still take, as far as the operating system says."""
    limits = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    if not limits and hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    with suppress(ImportError, OSError, ValueError, IndexError):
        import resource  # not on every system

        size, _, _, _, _, data, _ = (int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in _pages())
        for limit, used in ((resource.RLIMIT_AS, size), (resource.RLIMIT_DATA, data)):
            soft = resource.getrlimit(limit)[0]
            if soft != resource.RLIM_INFINITY:
                limits.append(max(0, soft - used))
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        # what was read from files is given back when it is needed
        kept = sum(int(counts.get(name, 0)) for name in ("active_file", "inactive_file", "slab_reclaimable"))
        limits.append(max(0, limit - used + kept))
    return min(limits, default=1 << 62)


def _pages() -> list[str]:
    """This process's memory in pages: all, resident, shared, text, libraries, data, dirty."""
    return Path("/proc/self/statm").read_text().split()


def decode_limit() -> int:
    """Bytes that decoding one file, or one image of it, may take: half the free memory, 2 GiB at most.

    $NRGAN_MAX_BYTES sets another limit. Raises `UserError` where that is no number of bytes.
    """
    chosen = os.environ.get(LIMIT)
    if not chosen:
        return min(free_memory() // 2, _MOST)
    if not chosen.isdecimal() or len(chosen) > 18:
        raise UserError(f"{LIMIT} {chosen}: must be a number of bytes")
    return int(chosen)


def too_large(what: str, taken: int) -> str | None:
    """Why something may not be decoded that takes so many bytes; None where it may."""
    if taken <= _SMALL and not os.environ.get(LIMIT):
        return None  # asking the system takes longer than decoding a small image
    if taken <= (limit := decode_limit()):
        return None
    return f"{what} would take {gigabytes(taken)}, and {gigabytes(limit)} are allowed ({LIMIT} sets that)"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that something was too large for the memory: Python's, torch's or a GPU's."""
    said = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in _TOO_LARGE)
    )


_TOO_LARGE = ("not enough memory", "can't allocate memory", "out of memory", "Storage size", "multiplication overflow")


def gigabytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
