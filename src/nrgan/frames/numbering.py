"""Which images a set holds, told from names and headers before any image is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nrgan.errors import UserError
from nrgan.frames.file_slice import FileSlice, Unreadable
from nrgan.frames.formats import TOGETHER, MissingLibrary, format_of, name_of_format, open_file
from nrgan.frames.opened import NOTHING_SAID, About
from nrgan.frames.parallel import in_order
from nrgan.frames.wanted import Wanted, scenes

_CLEAR = 2
"""Times that one kind of file must have more images than another to be taken for the data."""


@dataclass(frozen=True)
class _File:
    """What is known of a file that has been looked at."""

    numbers: npt.NDArray[np.int64]
    """Of the images that are wanted."""
    count: int = 1
    """How many there are in all."""
    scenes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    axes: str = ""
    about: About = NOTHING_SAID
    lacks: MissingLibrary | None = None


@dataclass(frozen=True)
class Numbering:
    """The images of a set by number.

    sources: the files that count. addresses: (N, 2) int32, the number of the source and of the image in it. counts: how
    many images each source has. scenes: (N,) int64, equal for repeats of a scene. axes: in words, empty where each file
    is one image. about: what the first file says.
    """

    sources: list[FileSlice]
    addresses: npt.NDArray[np.int32]
    counts: list[int]
    scenes: npt.NDArray[np.int64]
    axes: str
    about: About
    notes: list[str]


def number_images(path: str, sources: Sequence[FileSlice], wanted: Wanted) -> Numbering:
    """Looks at the headers of all files that may hold several images; `path` names the set in errors.

    Files of a kind of which there are few beside another are left out, and said. Raises `UserError` where nobody can
    tell which kind is meant, where what is wanted is not there, and where the library is missing that reads them.
    """
    files = list(in_order(lambda source: _looked_at(source, wanted), sources))
    chosen, notes = _chosen_kind(path, sources, files)
    kept = [(source, file) for source, file in zip(sources, files, strict=True) if _kind(source) in chosen]
    if lacking := next((file.lacks for _, file in kept if file.lacks is not None), None):
        raise lacking
    first = next((file for _, file in kept if file.axes), kept[0][1])
    addresses = [np.stack([np.full(len(f.numbers), k), f.numbers], 1) for k, (_, f) in enumerate(kept)]
    of_scene = np.concatenate([np.stack([np.full(len(f.scenes), k), f.scenes], 1) for k, (_, f) in enumerate(kept)])
    return Numbering(
        sources=[source for source, _ in kept],
        addresses=np.concatenate(addresses).astype(np.int32),
        counts=[file.count for _, file in kept],
        scenes=np.unique(of_scene, axis=0, return_inverse=True)[1].reshape(-1),
        axes=first.axes,
        about=first.about,
        notes=notes,
    )


def _looked_at(source: FileSlice, wanted: Wanted) -> _File:
    one = np.zeros(1, np.int64)
    if format_of(source).single and wanted.axes is None and wanted.frames is None:
        return _File(one)
    try:
        opened = open_file(source, wanted)
    except MissingLibrary as error:
        return _File(one, lacks=error)
    except Unreadable:  # looked at all the same: decoding it says what is wrong with it
        return _File(one, 0)
    numbers = wanted.numbers(opened)
    said = " ".join(f"{axis}{length}" for axis, length in opened.axes)
    by = f" (named by {opened.about.named_by})" if opened.about.named_by else ""
    axes = f"{said}{by}" if opened.count > 1 else ""
    return _File(numbers, opened.count, scenes(opened, numbers), axes, opened.about)


def _kind(source: FileSlice) -> str:
    name = name_of_format(source)
    return "images" if name in TOGETHER else name


def _chosen_kind(path: str, sources: Sequence[FileSlice], files: Sequence[_File]) -> tuple[set[str], list[str]]:
    """The kind of file that is the data, and what is said of the others."""
    images: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    for source, file in zip(sources, files, strict=True):
        images[_kind(source)] += max(1, len(file.numbers))
        names.setdefault(_kind(source), []).append(source.name)
    (most, count), *others = images.most_common()
    if others and count < _CLEAR * others[0][1]:
        listed = " and ".join(f"{images[kind]} of {_shown(kind, names)}" for kind in (most, others[0][0]))
        raise UserError(f"{path}: holds images of several kinds: {listed}; name the ones that are meant by a pattern")
    notes = [
        f"{images[kind]} {'image' if images[kind] == 1 else 'images'} of {_shown(kind, names)} beside {count} of "
        f"{_shown(most, names)} {'was' if images[kind] == 1 else 'were'} left out: another kind of file."
        for kind, _ in others
    ]
    return {most}, notes


def _shown(kind: str, names: dict[str, list[str]]) -> str:
    label = {"images": "pictures and arrays"}.get(kind, kind.upper())
    return f"{label} ({names[kind][0]}{', ...' if len(names[kind]) > 1 else ''})"
