"""What restoring files will write, and what not: known, and said, before anything is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, takewhile
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import numpy as np

from nrgan.denoising.restored_index import INDEX, Entry, read_index
from nrgan.errors import UserError
from nrgan.frames import FileFrames, FrameSet, ValueRange
from nrgan.limits import OutputType

ERROR = "-error"
"""What the name of a file of expected errors has before its end."""
FLOATS = "float32"
_NAMED = 3


@dataclass(frozen=True)
class Restoring:
    """How files are restored: y → strength·f(y) + (1 − strength)·y. Raises `UserError` where that cannot be.

    value_range: of the denoiser, the only one that is used. channels: those that it takes; None: any. denoiser: what
    tells it from others, such as the digest of its weights. dtype: of the files written, their own or float32, which is
    neither rounded nor clipped. errors: whether each has a second file beside it, with the expected error, in the
    images' units. keep_saturated: whether values at the top of the range or of the type stay as they are.
    """

    value_range: ValueRange
    channels: int | None = None
    denoiser: str = ""
    strength: float = 1.0
    dtype: OutputType = "same"
    errors: bool = False
    keep_saturated: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise UserError(f"<strength> {self.strength:g}: must be from 0 (as it was) to 1 (denoised)")
        if self.dtype not in get_args(OutputType):
            raise UserError(f"<dtype> {self.dtype}: choose {' or '.join(get_args(OutputType))}")
        if self.errors and self.strength < 1:
            raise UserError(
                f"<strength> {self.strength:g}: the error is told of what is denoised wholly; leave out <uncertainty>"
            )

    def how(self, frames: FrameSet) -> dict[str, Any]:
        """What of a file must be the same for it to be the same again, besides its source."""
        return {
            "denoiser": self.denoiser,
            "range": self.value_range.plain(),
            "strength": self.strength,
            "dtype": self.dtype,
            "keep_saturated": self.keep_saturated,
            "wanted": repr(frames.wanted),
            "mended": frames.mended_as,
        }

    def check(self, frames: FrameSet) -> None:
        """Raises `UserError` where the denoiser is none of such images."""
        limits = self.value_range.limits
        channels = self.channels or (len(limits) if len(limits) > 1 else frames.channels)
        if frames.channels != channels:
            raise UserError(
                f"{frames.path}: its images have {_channels(frames.channels)}, and the denoiser is of images of "
                f"{_channels(channels)}; choose some with <image_channels>, or train a denoiser on these images"
            )
        if frames.dtype != self.value_range.dtype:
            raise UserError(
                f"{frames.path}: its values are {frames.dtype}, and the denoiser is of {self.value_range.dtype} values "
                f"from {self.value_range.spec.replace(',', ' to ')}; give images as those, or train a denoiser on these"
            )


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


@dataclass(frozen=True)
class Writing:
    """A file that is to be written.

    name: its path below the folder. dtype: of its values. changes: whether that is not its source's own. done: whether
    it lies there.
    """

    name: str
    dtype: np.dtype[Any]
    changes: bool
    done: bool = False


@dataclass(frozen=True)
class PlannedFile:
    """A file, and what becomes of it; errors: None where its expected error is not asked for."""

    file: FileFrames
    image: Writing
    errors: Writing | None

    @property
    def done(self) -> bool:
        return self.image.done and (self.errors is None or self.errors.done)


@dataclass(frozen=True)
class Plan:
    """files: all that can be written, in order. skipped: names of those that cannot be read. notes: sentences."""

    frames: FrameSet
    out: Path
    restoring: Restoring
    files: tuple[PlannedFile, ...]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def planned(frames: FrameSet, out: Path, restoring: Restoring, overwrite: bool = False) -> Plan:
    """What `nrgan.denoising.restore.restore` will do. Writes nothing.

    out: a folder, new or empty, or of the same or another command of this kind: what is done already stays. overwrite:
    also one with files of others, which are replaced where they have the same names. Raises `UserError` where the
    denoiser is none of such images, or the folder is not to be written to.
    """
    restoring.check(frames)
    files = list(frames.files())
    _check_apart(frames, files, out)
    entries = _entries(out, overwrite)
    found = []
    for file, image, errors in _named([file for file in files if not file.broken], restoring):
        done = [
            writing and replace(writing, done=_is_done(writing.name, file, frames, out, restoring, entries))
            for writing in (image, errors)
        ]
        found.append(PlannedFile(file, done[0] or image, done[1]))
    if not overwrite:
        _check_free(out, found, entries)
    skipped = tuple(file.source.name for file in files if file.broken)
    return Plan(frames, out, restoring, tuple(found), skipped, tuple(_said(frames, out, found, skipped, entries)))


def _check_apart(frames: FrameSet, files: Sequence[FileFrames], out: Path) -> None:
    """Raises `UserError` where the folder is one of the images, or holds them."""
    place, asked = out.resolve(), Path(frames.path).expanduser().resolve()
    if asked.is_dir() and not any(file.is_folder for file in files) and place.is_relative_to(asked):
        where = "is the folder of the images" if place == asked else f"lies among the images of {frames.path}"
        raise UserError(f"{out}: {where}; choose a folder elsewhere")
    for path in dict.fromkeys(file.source.path for file in files):
        source = Path(path).resolve()
        if source.is_relative_to(place) or place.is_relative_to(source):
            raise UserError(f"{out}: holds images that are to be read ({path}); choose a folder elsewhere")


def _entries(out: Path, overwrite: bool) -> dict[str, Entry]:
    """The index of the folder; raises `UserError` where it holds files that are not ours."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; give the name of a folder")
    entries = read_index(out)
    try:
        others = out.is_dir() and any(not path.name.startswith(".") for path in out.iterdir())
    except OSError as error:
        raise UserError(f"{out}: cannot be read: {error.strerror or error}; choose another folder") from error
    if entries is None and others and not overwrite:
        raise UserError(f"{out}: holds files that nrgan did not write; choose another folder, or <overwrite> them")
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK):
        raise UserError(f"{out}: cannot be written to; choose a folder that you may write to")
    return entries or {}


def _check_free(out: Path, files: Iterable[PlannedFile], entries: dict[str, Entry]) -> None:
    """Raises `UserError` where a file of others has a name that is needed."""
    for file in files:
        for writing in filter(None, (file.image, file.errors)):
            if writing.name not in entries and os.path.lexists(out / writing.name):
                raise UserError(f"{out / writing.name}: nrgan did not write it; move it away, or <overwrite> it")


def source_of(file: FileFrames) -> dict[str, Any]:
    """What tells a file from others: of a member of an archive the checksum, where the archive has them."""
    source = file.source
    told = {"stamp": source.stamp, "offset": source.offset} if source.crc is None else {"crc": source.crc}
    return {"name": source.name, "size": source.size, **told}


def entry_of(name: str, file: FileFrames, frames: FrameSet, restoring: Restoring, size: int | None = None) -> Entry:
    """What the index says of a file that is begun, or of one that is finished."""
    return Entry(name, source_of(file), restoring.how(frames), size)


def size_of(path: Path) -> int | None:
    """Bytes of a file, or of all files of a folder; None where there is none."""
    if path.is_dir():
        return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
    return path.stat().st_size if path.is_file() else None


def _is_done(
    name: str, file: FileFrames, frames: FrameSet, out: Path, restoring: Restoring, entries: dict[str, Entry]
) -> bool:
    size = size_of(out / name) if name in entries else None
    return size is not None and entries[name] == entry_of(name, file, frames, restoring, size)


def _named(files: Sequence[FileFrames], restoring: Restoring) -> list[tuple[FileFrames, Writing, Writing | None]]:
    """What is written for each file, of names that occur once, also where capitals do not count.

    Files that keep their names have them; of the others those have another that come to one that is taken.
    """
    archives = {file.source.path for file in files if file.source.is_member}
    places = [_place(file, len(archives) > 1) for file in files]
    types = [_types(file, restoring.dtype == FLOATS) for file in files]
    keeps = [file.name(change) == place.name for file, place, (_, change) in zip(files, places, types, strict=True)]
    keeping_first = sorted(range(len(files)), key=lambda k: not keeps[k])
    taken = {INDEX}
    images, errors = dict[int, Writing](), dict[int, Writing]()
    for k in keeping_first:
        images[k] = Writing(_free(files[k], places[k], types[k][1], "", taken), *types[k])
    for k in keeping_first if restoring.errors else ():
        of_errors = _types(files[k], True)
        errors[k] = Writing(_free(files[k], places[k], of_errors[1], ERROR, taken), *of_errors)
    return [(file, images[k], errors.get(k)) for k, file in enumerate(files)]


def _types(file: FileFrames, floats: bool) -> tuple[np.dtype[Any], bool]:
    """The type of the values written, and whether that is not the file's own."""
    own = file.own_type()
    if floats and own.kind != "f":
        return np.dtype(FLOATS), True
    return (np.dtype(file.dtype), True) if own.kind == "b" else (own, False)


def _place(file: FileFrames, archives: bool) -> PurePosixPath:
    """Where it lies below what was asked for; each of several archives is a folder."""
    source = file.source
    if not (archives and source.is_member):
        return source.place
    archive = PurePosixPath(source.name[: -len(source.member) - 1])
    return archive.with_suffix("") / source.place


def _free(file: FileFrames, place: PurePosixPath, changes: bool, added: str, taken: set[str]) -> str:
    """The name of a file like this one; where it is taken, one with the source's end within, or with a number."""
    others = chain([place.suffix], (f"-{number}" for number in count(2)))
    if file.name(changes) == place.name:
        next(others)  # there is no other end to tell them apart
    name = str(place.with_name(file.name(changes, added)))
    while name.casefold() in taken:
        name = str(place.with_name(file.name(changes, next(others) + added)))
    taken.add(name.casefold())
    return name


def _said(
    frames: FrameSet,
    out: Path,
    files: Sequence[PlannedFile],
    skipped: Sequence[str],
    entries: dict[str, Entry],
) -> list[str]:
    """What is about to happen."""
    done = sum(file.done for file in files)
    beside = ", each with its expected error in a second one" if any(file.errors for file in files) else ""
    already = f"; {_files(done)} {'is' if done == 1 else 'are'} there already" if done else ""
    said = [f"{_files(len(files) - done)} will be written to {out}{beside}{already}."]
    ends: Counter[tuple[str, str]] = Counter()
    renamed = []
    for file in files:
        old, new = file.file.source.place.name, PurePosixPath(file.image.name).name
        if new == file.file.name(file.image.changes):
            ends[_ends_apart(old, new)] += old != new
        else:
            renamed.append(f"{old} as {new}")
    said += [f"{_files(many)} of {old} will be {new}." for (old, new), many in ends.items() if many]
    if renamed:
        more = ", ..." if len(renamed) > _NAMED else ""
        said.append(f"Names that are taken have others: {', '.join(renamed[:_NAMED])}{more}.")
    if any(file.file.source.is_member for file in files):
        said.append("Files of archives are written as files in folders.")
    if frames.wanted.frames is not None or frames.wanted.channels is not None:
        said.append("Images and channels that were not asked for stay in the files as they are.")
    if skipped:
        more = ", ..." if len(skipped) > _NAMED else ""
        said.append(f"{_files(len(skipped))} with what cannot be read left out: {', '.join(skipped[:_NAMED])}{more}.")
    names = {writing.name for file in files for writing in (file.image, file.errors) if writing is not None}
    if left := [name for name in entries if name not in names and (out / name).exists()]:
        said.append(f"{_files(len(left))} of an earlier command stay: {', '.join(left[:_NAMED])}.")
    return said


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _ends_apart(old: str, new: str) -> tuple[str, str]:
    """The ends of two names, from the last dot that they have in common."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    start = max(old.rfind(".", 0, same), 0)
    return old[start:], new[start:]
