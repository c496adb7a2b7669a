"""Noise in files: measured once, told to every training on images of the same kind.

A noise file is a JSON document: the law with its numbers, the range of values that its signals and levels refer to, and
a checksum. Signals are unit range there, levels on 0..255 of it; another range of the same type of values only changes
the numbers (`in_range`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.corruptions import Fitted, from_plain, to_plain
from nrgan.errors import Damaged, UserError, first_line
from nrgan.frames import ValueRange
from nrgan.reading import read_json
from nrgan.storage import write_json

FORMAT = "nrgan noise"
FORMAT_VERSION = 1
_SIGNED = ("format", "format_version", "program", "range", "noise")
"""What the checksum is of."""


@dataclass(frozen=True)
class MeasuredNoise:
    """A law, and the range that its unit signals and its levels are of."""

    law: Fitted
    range: ValueRange

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"range": self.range.plain(), "noise": to_plain(self.law)}

    def text(self) -> str:
        """The same as one line, which `read_noise` takes in the place of a file's name."""
        return json.dumps(self.plain(), separators=(",", ":"), allow_nan=False)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> MeasuredNoise:
        """What `plain` gave; raises `UserError`, without saying of what file, for anything else."""
        try:
            law, value_range = from_plain(plain["noise"]), ValueRange.of(**plain["range"])
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise UserError(f"holds no range with the numbers of a noise ({first_line(error)})") from error
        if not isinstance(law, Fitted):
            raise UserError(f"holds the law {type(law).__name__}, and {Fitted.__name__} is the one that is told")
        return cls(law, value_range)


def save_noise(path: str | Path, law: Fitted, value_range: ValueRange, overwrite: bool = False) -> None:
    """Writes a noise file; raises `UserError` where that cannot be, or over a file not ours, unless `overwrite`.

    value_range: of the images that the law was measured on: unit 0 and 1 in their own values, and their type.
    """
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "program": version("nrgan"),
        **MeasuredNoise(law, value_range).plain(),
    }
    write_json(document | {"sha256": _digest(document)}, Path(path), overwrite)


def load_noise(path: str | Path) -> MeasuredNoise:
    """What `save_noise` wrote. Raises `UserError` for anything else, and where a byte of it has changed."""
    path = Path(path)
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a noise file ({first_line(error)})") from error
    if document.get("format") != FORMAT:
        raise UserError(f"{path}: is no noise file; nrgan diagnose writes some")
    if (found := document.get("format_version")) != FORMAT_VERSION:
        raise UserError(f"{path}: a noise file of format {found}; this version reads {FORMAT_VERSION}, measure it anew")
    if document.get("sha256") != _digest(document):
        raise Damaged(f"{path}: is not as it was written; measure it anew, or take a copy that is whole")
    return _said_of(str(path), lambda: MeasuredNoise.of(document))


def read_noise(told: str) -> MeasuredNoise:
    """The noise of a file of that name, or of the text itself (`MeasuredNoise.text`). Raises `UserError`."""
    if not told.lstrip().startswith("{"):
        return load_noise(told)
    try:
        plain = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise UserError(f"<noise>: is no name of a file, nor the text of a noise ({first_line(error)})") from error
    return _said_of("<noise>", lambda: MeasuredNoise.of(plain))


def _said_of(where: str, read: Callable[[], MeasuredNoise]) -> MeasuredNoise:
    try:
        return read()
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _digest(document: dict[str, Any]) -> str:
    signed = {name: document.get(name) for name in _SIGNED}
    return hashlib.sha256(json.dumps(signed, sort_keys=True).encode()).hexdigest()


def in_range(noise: MeasuredNoise, value_range: ValueRange, channels: int | None = None) -> Fitted:
    """The same noise with signals and levels of another range of the same values: s' = a·s + b, level' = a·level.

    a = span/span', b = (low − low')/span', with values v = low + s·span. Black and white pixels are those of the new
    range. channels: of the images that the range is of, where that is known. Raises `UserError` where the values are
    of another type, or where ranges of each channel do not change in the same way.
    """
    of_noise, of_images = noise.range, value_range
    if of_noise.dtype != of_images.dtype:
        raise UserError(
            f"<noise>: was measured in {of_noise.dtype} values, and these images are {of_images.dtype}; "
            "measure it on images of this kind"
        )
    counts = {len(of_noise.limits), len(of_images.limits), channels or 1} - {1}
    if len(counts) > 1 or (channels == 1 and counts):
        has = channels or len(of_images.limits)
        raise UserError(
            f"<noise>: was measured on images of {len(of_noise.limits)} channels, and these have {has}; measure it on "
            "images of this kind"
        )
    if of_noise.limits == of_images.limits:
        return noise.law
    low, high, own_low, own_high = (np.array(e) for e in (of_noise.low, of_noise.high, of_images.low, of_images.high))
    a, b = np.atleast_1d((high - low) / (own_high - own_low)), np.atleast_1d((low - own_low) / (own_high - own_low))
    if not (np.allclose(a, a[0], rtol=1e-9, atol=0) and np.allclose(b, b[0], rtol=0, atol=1e-9)):
        raise UserError(
            f"<noise>: was measured with other ranges of the channels; give <value_range> {of_noise.spec}, as it was"
        )
    return _changed(noise.law, float(a[0]), float(b[0]))


def _changed(law: Fitted, a: float, b: float) -> Fitted:
    """With signals a·s + b: a count stays a count, so that there are 1/a of them in the new full signal."""
    return replace(
        law,
        signal=tuple(a * s + b for s in law.signal),
        level=tuple(a * level for level in law.level),
        events=law.events / a,
        dark=a * law.dark + b,
        rows=a * law.rows,
        columns=a * law.columns,
    )


def level_map(noise: MeasuredNoise, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """The level of the noise at each pixel, for other programs: standard deviations in the image's own values.

    image: (H, W, C), in the values that the noise was measured in; clean, or noisy where there is no other: then the
    map has a noise of its own. Stripes count, impulses do not. Raises `UserError` for another shape or type.
    """
    channels = len(noise.range.limits)
    if image.ndim != 3 or channels not in (1, image.shape[2]):
        raise UserError(f"level_map takes one (H, W, C) image of the noise's channels, not an array {image.shape}")
    if image.dtype.name != noise.range.dtype:
        raise UserError(f"the noise was measured in {noise.range.dtype} values, and this image is {image.dtype}")
    return noise.range.difference_from_unit(noise.law.level_at(noise.range.to_unit(image)) / 255)
