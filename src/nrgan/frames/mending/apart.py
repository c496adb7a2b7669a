"""Whether a set can tell what is the sensor's: only frames that differ in content can."""

from __future__ import annotations

from nrgan.errors import UserError
from nrgan.frames.frame_set import FrameSet
from nrgan.frames.repeats import find_repeats, scene_stays

_REPEATED = 0.25
"""Share of neighbouring frames that repeat a scene from which on a set is of repeats."""


def check_apart(frames: FrameSet, name: str, fewest: int, would_do: str) -> None:
    """Raises `UserError` where a pattern at a fixed place cannot be told from the sample.

    name: the repair. fewest: frames that it takes. would_do: what does without such frames.
    """
    at_places = any(frames.place(k) != frames.place(0) for k in range(len(frames)))
    if len({tuple(sides) for sides in frames.sizes.tolist()}) > 1 and not at_places:
        raise UserError(
            f"<mend> {name}: {frames.path} holds frames of several sizes, and no file says where on the sensor they "
            f"lie; {would_do}"
        )
    if len(frames) < fewest:
        raise UserError(
            f"<mend> {name}: {frames.path} holds {len(frames)} frames, and what stays in place is told from the sample "
            f"by {fewest} at least; {would_do}"
        )
    repeats = find_repeats(frames)
    if (repeats is not None and repeats.share >= _REPEATED) or scene_stays(frames):
        raise UserError(
            f"<mend> {name}: {frames.path} repeats a scene, so that what stays in place may be the sample, "
            f"and would be removed with the pattern; {would_do}"
        )
