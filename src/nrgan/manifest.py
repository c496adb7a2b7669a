"""A folder's manifest: the SHA-256 of each of its files, in the form that `sha256sum --check SHA256SUMS` takes."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from nrgan.errors import Damaged, UserError, first_line
from nrgan.layout import ABOUT, MANIFEST, WEIGHTS
from nrgan.reading import open_regular, read_json, read_text, sha256
from nrgan.storage import writing

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^\0\n]+)\n")


def write_manifest(folder: Path) -> None:
    """Writes the manifest of all files below `folder`, whatever was there before."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    with writing(folder / MANIFEST) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")


def check_manifest(folder: Path, needed: set[str]) -> None:
    """Raises `Damaged` unless every file of the manifest is as it was written, and those `needed` are among them.

    A manifest that has changed itself is seen too: a line is of one form, and names a file with its digest. Files
    that were added since are nobody's business.
    """
    for name, digest in _read(folder, needed).items():
        path = folder / name
        try:
            with open_regular(path):  # and no pipe, for which reading would wait
                pass
            found = sha256(path)
        except OSError as error:
            raise Damaged(f"{path}: is missing or cannot be read ({error.strerror}); take another snapshot") from error
        if found != digest:
            raise Damaged(f"{path}: is damaged: it is not as it was written ({MANIFEST}); take another snapshot")


def write_sum(path: Path) -> None:
    """Writes the SHA-256 of one file beside it, as `NAME.sha256`."""
    with writing(_sum_of(path)) as part:
        part.write_text(f"{sha256(path)}  {path.name}\n", encoding="utf-8", newline="\n")


def is_whole(path: Path) -> bool:
    """Whether a file is there, and is as it was when `write_sum` was called."""
    try:
        with open_regular(path):
            return read_text(_sum_of(path)) == f"{sha256(path)}  {path.name}\n"
    except (OSError, ValueError):
        return False


def _sum_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def check_snapshot(folder: Path) -> None:
    """Raises `Damaged` where a snapshot, or a network's folder within one, is not as it was written.

    Snapshots of version 0.1, and those from the Hub, have no manifest and cannot tell.
    """
    is_part = (folder.parent / WEIGHTS).is_file() and not (folder / ABOUT).exists()
    for place in (folder, folder.parent) if is_part else (folder,):
        if (place / MANIFEST).exists():
            check_manifest(place, {ABOUT, WEIGHTS})
            return
    with suppress(OSError, ValueError):
        if "format" in read_json(folder / ABOUT):
            raise Damaged(f"{folder / MANIFEST}: is missing; take another snapshot")


def _read(folder: Path, needed: set[str]) -> dict[str, str]:
    """File → digest, as the manifest says."""
    path = folder / MANIFEST
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise Damaged(f"{path}: is missing or cannot be read ({first_line(error)}); take another snapshot") from error
    lines = list(_LINE.finditer(text))
    names = {line["name"]: line["digest"] for line in lines}
    if "".join(line[0] for line in lines) != text or len(names) < len(lines) or not needed <= names.keys():
        raise Damaged(f"{path}: is damaged; take another snapshot")
    if strange := next((name for name in names if name.startswith("/") or ".." in Path(name).parts), None):
        raise UserError(f"{path}: {strange!r} leads out of the snapshot")
    return names
