"""What a kind of file must offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from nrgan.frames.file_slice import FileSlice
from nrgan.frames.opened import Opened, Region

Images = Iterable[npt.NDArray[Any]]
"""(H, W, C) each."""
Write = Callable[[FileSlice, Opened, Images, Path, Region | None], None]
"""write(like, opened, images, path, region): a file like `like`, which is read as `opened`, with other values, in
the order of its numbers and in its own type. Its header is the same but for what the module lists in
`CHANGED`. region: the images are that part of the file's own, and whatever in the header tells places follows."""


@dataclass(frozen=True)
class Format:
    """A kind of file: the ends of its names, and how it is opened.

    label: what tells image n in the name of a file of several. single: whether a file always holds one image, which
    spares a look at it. library: the module that reading it needs, which the extra `extra` of this package installs;
    empty where it is always there. folder: whether such a file is a folder. write: None where it can only be read.
    written: the ends of the names that written files may have, where not all of `suffixes`. any_axes: whether `write`
    knows of names that its owner gave to the axes. any_type: whether it takes values of another type than the file's.
    """

    suffixes: tuple[str, ...]
    open: Callable[[FileSlice], Opened]
    label: Callable[[int], str] = lambda n: f"[{n}]"
    single: bool = False
    library: str = ""
    extra: str = ""
    folder: bool = False
    write: Write | None = None
    written: tuple[str, ...] = ()
    any_axes: bool = False
    any_type: bool = False
