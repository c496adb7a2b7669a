"""A visitor's own file: bounded, read, diagnosed, restored, and gone when the visitor is.

A room is a folder of the process's temporary folder; nothing of a visitor lies elsewhere.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from threading import RLock

import numpy as np
import numpy.typing as npt

from nrgan.denoising.restore import restore
from nrgan.denoising.restore_plan import Restoring, planned
from nrgan.diagnosis import Diagnosed, diagnose
from nrgan.errors import UserError
from nrgan.frames import FORMATS, FrameSet, ValueRange, choose_range, open_frames
from nrgan.memory import gigabytes
from nrgan.page.bounds import BOUNDS, Bounds
from nrgan.page.means import Means, means_of
from nrgan.page.opened import Opened
from nrgan.pictures import visible
from nrgan.progress import Advance
from nrgan.ranges import stored_from_unit
from nrgan.settings import choose_data

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Restored:
    """A file like the visitor's, and how to see it."""

    file: Path
    words: str


@dataclass
class Room:
    """One visitor's upload. Leaving it removes everything."""

    opened: Opened
    folder: Path
    file: Path
    """The upload, by a name of ours."""
    stem: str
    """Of the visitor's own name for it, as far as it is harmless."""
    frames: FrameSet
    found: Diagnosed | None
    """None where it tells nothing of its noise."""
    why_not: str
    """Why it does not."""
    value_range: ValueRange
    """Black and white of what is shown."""
    restored: FrameSet | None = field(default=None, init=False)
    busy: RLock = field(default_factory=RLock, init=False)
    """Held by whoever reads or writes in the folder: a visitor may ask for two things at once."""

    @classmethod
    def enter(cls, upload: Path, opened: Opened, bounds: Bounds = BOUNDS) -> Room:
        """Copies an upload, reads and diagnoses it. Raises `UserError`, and leaves nothing, where that cannot be."""
        suffix = _suffix(upload.name)
        if (size := upload.stat().st_size) > bounds.file_bytes:
            raise UserError(f"{upload.name}: has {gigabytes(size)}; the page takes {gigabytes(bounds.file_bytes)}")
        folder = Path(mkdtemp(prefix="visitor-"))
        try:
            file = folder / f"image{suffix}"  # a name of theirs might be a pattern, or a path
            shutil.copyfile(upload, file)
            return cls._read(opened, folder, file, upload.name, bounds)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def _read(cls, opened: Opened, folder: Path, file: Path, name: str, bounds: Bounds) -> Room:
        stem = re.sub(r"[^\w.-]+", "_", name[: -len(file.suffix)])[:60].strip(".") or "image"
        try:
            frames = open_frames(str(file), advance=_bounded(bounds))
            value_range, _ = choose_range("auto", frames.statistics, frames.dtype)
        except UserError as error:
            raise _about(error, file, name) from error
        values = int(frames.sizes.astype(np.int64).prod(axis=1).sum()) * frames.channels
        if values > bounds.values:
            raise UserError(
                f"{name}: holds {values:,} values; the page takes {bounds.values:,}, nrgan denoise any number"
            )
        try:
            found = diagnose(choose_data(str(file)), preparing=lambda what, steps: _bounded(bounds))
            return cls(opened, folder, file, stem, frames, found, "", value_range)
        except UserError as error:
            return cls(opened, folder, file, stem, frames, None, str(_about(error, file, name)), value_range)

    @contextmanager
    def _there(self) -> Iterator[None]:
        """For what is read or written in the folder; raises `UserError` where the visitor has left meanwhile."""
        with self.busy:
            if not self.folder.is_dir():
                raise UserError(f"{self.stem}: is here no more; its visitor has left")
            yield

    def leave(self) -> None:
        """Removes the upload and all that was made of it."""
        with self.busy:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def count(self) -> int:
        """Images in it."""
        return len(self.frames)

    @cached_property
    def means(self) -> Means:
        """What it is restored by; raises `UserError` where nothing is."""
        return means_of(self.opened, self.frames, self.found, self.why_not)

    def restore(self, strength: float) -> Restored:
        """Writes a file like the upload, with its type and header; raises `UserError` where it cannot be."""
        with self._there():
            return self._restore(self.means, strength)

    def _restore(self, means: Means, strength: float) -> Restored:
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        restoring = Restoring(means.value_range, self.frames.channels, strength=strength)
        done = restore(planned(self.frames, out, restoring), means.mapping)
        (made,) = (path for path in out.iterdir() if path.is_file() and path.name.startswith("image"))
        self.restored = open_frames(str(made))
        named = self.folder / f"{self.stem}-clean{made.name.removeprefix('image')}"
        shutil.copyfile(made, named)
        return Restored(named, " ".join([f"By {means.words}.", *done.notes]))

    def pictures(self, number: int) -> tuple[Picture, Picture | None]:
        """Image `number` as it was and restored, in full size, in the range that the diagnosis saw."""
        number = min(max(number, 0), self.count - 1)
        with self._there():
            before = self._shown(self.frames, number)
            return before, None if self.restored is None else self._shown(self.restored, number)

    def _shown(self, frames: FrameSet, number: int) -> Picture:
        pixels = frames.read(number).pixels
        shown = visible(stored_from_unit(np.nan_to_num(self.value_range.to_unit(pixels))))
        return np.ascontiguousarray(shown if shown.shape[2] == 3 else shown.repeat(3, axis=2))


def _about(error: UserError, file: Path, name: str) -> UserError:
    """The same, of the file by the visitor's own name for it."""
    said = str(error).replace(str(file), name).replace(file.name, name)
    return UserError(said if name in said else f"{name}: {said}")


def _suffix(name: str) -> str:
    """The end of a file's name, as one of ours; raises `UserError` for what is no file of images."""
    known = sorted((end for row in FORMATS.values() if not row.folder for end in row.suffixes), key=len, reverse=True)
    for end in known:
        if name.lower().endswith(end):
            return end
    raise UserError(f"{name}: is no image or stack that can be read here; PNG, JPEG, TIFF, .npy and more can")


def _bounded(bounds: Bounds) -> Advance:
    """Hears of each image that is read, and ends the reading where it is too much; nothing else stops it then."""
    begun, seen = time.monotonic(), 0

    def advance(done: int) -> None:
        nonlocal seen
        seen += done
        if seen > bounds.images:
            raise UserError(f"holds more than {bounds.images} images, which is more than the page takes")
        if time.monotonic() - begun > bounds.seconds:
            raise UserError(f"takes longer than {bounds.seconds:g} s to read; nrgan denoise takes its time")

    return advance
