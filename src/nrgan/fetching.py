"""Files from the network, fetched ahead: for machines without one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nrgan.data import SOURCES
from nrgan.downloads import Download
from nrgan.errors import UserError, unknown
from nrgan.evaluation import features
from nrgan.progress import Preparing
from nrgan.storage import default_cache


def downloads() -> dict[str, Download]:
    """All that is ever fetched without being named by an address, by name: images of settings, and features."""
    of_sources = {name: source.download for name, source in SOURCES.items() if source.download is not None}
    return of_sources | features.DOWNLOADS


def fetch(names: Sequence[str] = (), to: Path | None = None, preparing: Preparing | None = None) -> list[Path]:
    """Fetches files by name (all, if none is given) into a folder, the cache if not said, and verifies them.

    On another machine that folder does as the cache (`NRGAN_CACHE`). What is there already is verified, not fetched.
    Raises `UserError`.
    """
    known = downloads()
    for name in names:
        if name not in known:
            raise unknown("download", name, known, listed=False)
    folder = to or default_cache()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"<to> {folder}: is a file; give a folder")
    return [known[name].file(folder, preparing) for name in names or known]
