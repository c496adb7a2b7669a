"""What a section is made of. Each kind of block is drawn by the template of its name."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from nrgan.pictures import visible
from nrgan.reports.page.chart import Chart

_SHOWN_WIDTH = 400
"""Pixels on the screen that a picture may take; it is enlarged by a whole number."""


@dataclass(frozen=True)
class Picture:
    """An image within the page."""

    caption: str
    url: Markup
    width: int
    """As it is shown, a whole multiple of its own."""
    height: int
    alt: str

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8], caption: str, alt: str) -> Picture:
        """Of (H, W, C) uint8, as PNG; of many channels, those that a screen shows."""
        shown, file = visible(pixels), io.BytesIO()
        Image.fromarray(shown.squeeze(2) if shown.shape[2] == 1 else shown).save(file, format="PNG", optimize=True)
        height, width = shown.shape[:2]
        times = max(1, _SHOWN_WIDTH // width)
        # letters of base64 alone: nothing in it can end the attribute that it stands in
        url = Markup("data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii"))
        return cls(caption, url, times * width, times * height, alt)


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    template: ClassVar[str] = "words"
    text: str
    quiet: bool = False
    """Whether it only explains."""


@dataclass(frozen=True)
class Table:
    """Rows below a header; the first cell of a row names it. folded: whether it is shown only when asked for."""

    template: ClassVar[str] = "table"
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False


@dataclass(frozen=True)
class Curves:
    """A chart whose values can be read."""

    template: ClassVar[str] = "curves"
    chart: Chart

    def __post_init__(self) -> None:
        _ = self.chart.readings  # what cannot be drawn is refused here, where its section is left out


@dataclass(frozen=True)
class Frame:
    """What is seen together at one place of a slider."""

    name: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Frames:
    """Frames, one of them shown at a time, the last one first. plays: whether they can be run through."""

    template: ClassVar[str] = "frames"
    label: str
    frames: Sequence[Frame]
    plays: bool = False


@dataclass(frozen=True)
class BeforeAfter:
    """Two pictures of one size, one over the other, and a slider between them."""

    template: ClassVar[str] = "before_after"
    label: str
    before: Picture
    after: Picture


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side."""

    template: ClassVar[str] = "pictures"
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Command:
    """A command to be typed."""

    template: ClassVar[str] = "command"
    text: str


Block = Words | Table | Curves | Frames | BeforeAfter | Pictures | Command


@dataclass
class Panel:
    """What a section has to say of one subject."""

    subject: str
    blocks: Sequence[Block]


@dataclass
class Chapter:
    """A section of the page, with a panel for each subject that has it."""

    anchor: str
    title: str
    panels: list[Panel] = field(default_factory=list)


def figure(value: Any, digits: int = 4) -> str:
    """A number as it is read; a dash for none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}g}"
