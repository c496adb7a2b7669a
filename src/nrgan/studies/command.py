"""The command for a table, as others type it or start it."""

from __future__ import annotations

from pathlib import Path


def command_of(
    grid: str, out: Path, device: str = "auto", data_root: Path | None = None, cache: Path | None = None
) -> list[str]:
    """What comes after the word nrgan; what is as usual is left out."""
    given = {"--device": device, "--data-root": data_root, "--cache-dir": cache}
    more = [str(word) for option, value in given.items() if value not in (None, "auto") for word in (option, value)]
    return ["reproduce", grid, "--out", str(out), *more]
