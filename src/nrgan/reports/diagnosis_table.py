"""A diagnosis as a table for the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from nrgan.diagnosis.laws import OTHER
from nrgan.diagnosis.recommend import Recommendation
from nrgan.diagnosis.values import Diagnosis


def diagnosis_table(found: Diagnosis, advice: Recommendation) -> Table:
    """What was found, and what to do."""
    height, width, channels = found.size
    table = Table("noise", "found", title=f"{found.images:,} images of {height}x{width}x{channels}")
    for name, words in _rows(found):
        table.add_row(escape(name), escape(words))
    table.add_section()
    table.add_row("recommended model", f"[bold]{escape(advice.model)}[/bold]: {escape(advice.reason)}")
    for other in advice.alternatives:
        table.add_row("or", escape(other))
    for words in advice.uncertain:
        table.add_row("not certain", escape(words))
    return table


def _rows(found: Diagnosis) -> list[tuple[str, str]]:
    if found.little_noise:
        return [("level (of 255)", f"below {found.level_below:.1f}: little noise, or none")]
    mean, spread = found.level_of_images
    neighbours = found.autocorrelation[0][1], found.autocorrelation[1][0]
    rows = [
        ("level (of 255)", f"{found.level:.1f}"),
        ("relation to the signal", _relation(found)),
        (
            "neighbouring pixels",
            f"{'independent' if found.white else 'correlated'} ({neighbours[0]:.2f} across, {neighbours[1]:.2f} down)",
        ),
        ("from image to image", f"{mean:.1f} ± {spread:.1f}" if found.varies_by_image else "the same level"),
        ("from place to place", _places(found)),
        ("tails", _tails(found)),
    ]
    if channels := _channels(found):
        rows.insert(3, ("channels", channels))
    return rows


def _relation(found: Diagnosis) -> str:
    if found.relation is not None:
        return found.relation.describe()
    return "of a kind not known here" if found.dependence == OTHER else "not told"


def _places(found: Diagnosis) -> str:
    if found.local and found.level_inside is not None:
        return f"in a part of each image only, level {found.level_inside:.1f} there"
    return "the same level"


def _tails(found: Diagnosis) -> str:
    if found.excess_kurtosis is None:
        return "not told"
    words = {"gaussian": "about Gaussian", "light": "lighter than a Gaussian's", "heavy": "heavier than a Gaussian's"}
    return f"{words[found.tails]} (excess kurtosis {found.excess_kurtosis:+.2f})"


def _channels(found: Diagnosis) -> str:
    count = len(found.channel_correlation)
    if count == 1:
        return ""
    others = [abs(found.channel_correlation[i][j]) for i in range(count) for j in range(i)]
    state = "independent" if found.independent_channels else "correlated, or fine detail of the images is"
    return f"{state} (at most {max(others):.2f})"
