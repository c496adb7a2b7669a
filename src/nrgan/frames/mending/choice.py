"""Which repairs are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from nrgan.errors import UserError, unknown
from nrgan.frames.mending import fixed_pattern, hot_pixels, impulses, stripes
from nrgan.frames.mending.base import Row

MENDS: dict[str, Row] = {
    fixed_pattern.FIXED_PATTERN: fixed_pattern.ROW,
    hot_pixels.HOT_PIXELS: hot_pixels.ROW,
    "impulses": impulses.ROW,
    "stripes": stripes.ROW,
}
"""The repairs, in the order in which they are made: each sees what those before have mended."""


@dataclass(frozen=True)
class Mending:
    """What is to be mended; nothing, unless it is asked for.

    names: of `MENDS`, each once, in its order. dark, flat: paths of frames without light, and of even light. Raises
    `UserError` where one of them cannot be.
    """

    names: tuple[str, ...] = ()
    dark: str | None = None
    flat: str | None = None

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in MENDS:
                raise UserError(f"<mend> {name}: {unknown('repair', name, MENDS, listed=False)}")
        object.__setattr__(self, "names", tuple(name for name in MENDS if name in self.names))
        for reference, path in (("dark", self.dark), ("flat", self.flat)):
            takers = [name for name, row in MENDS.items() if reference in row.takes]
            if path is not None and not set(takers) & set(self.names):
                raise UserError(f"<{reference}> {path}: is for <mend> {' or '.join(takers)}; ask for that too")
        if self.flat is not None and self.dark is None:
            raise UserError(f"<flat> {self.flat}: holds the camera's offset too; give <dark> frames with it")

    @classmethod
    def of(cls, names: str | None, dark: str | None = None, flat: str | None = None) -> Mending:
        """From names with commas between, such as hot-pixels,stripes; None: nothing is mended."""
        return cls(() if names is None else tuple(name.strip() for name in names.split(",")), dark, flat)


NO_MENDING = Mending()
