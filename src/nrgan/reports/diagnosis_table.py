"""A diagnosis as a table for the terminal."""

from __future__ import annotations

from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from nrgan.diagnosis.laws import OTHER
from nrgan.diagnosis.recommend import COMPOSED, Recommendation
from nrgan.diagnosis.units import NativeNoise
from nrgan.diagnosis.unknowns import likely_laws
from nrgan.diagnosis.values import Diagnosis
from nrgan.errors import UserError
from nrgan.limits import NO_ROW
from nrgan.training.config import dashed

_RECOMMENDED = "recommended model"


def diagnosis_table(found: Diagnosis, advice: Recommendation) -> Table:
    """What was found, and what to do."""
    height, width, channels = found.size
    table = Table("noise", "found", title=f"{found.images:,} images of {height}x{width}x{channels}")
    of_noise, of_advice = found_rows(found), _advice(found, advice)
    for name, words in of_noise:
        table.add_row(escape(name), escape(words))
    table.add_section()
    for name, words in of_advice:
        table.add_row(escape(name), escape(with_options(words)), style="bold" if name == _RECOMMENDED else None)
    return table


def diagnosis_words(found: Diagnosis, advice: Recommendation) -> list[list[str]]:
    """The same rows as plain values."""
    return [[name, with_options(words)] for name, words in (*_rows(found), *_advice(found, advice))]


def _advice(found: Diagnosis, advice: Recommendation) -> list[tuple[str, str]]:
    return [
        ("certain", "yes" if found.certain else "no: see below"),
        (_RECOMMENDED, f"{_name(advice)}: {advice.reason}"),
        *(("or", other) for other in advice.alternatives),
        *(("not certain", words) for words in advice.uncertain),
    ]


def found_rows(found: Diagnosis) -> list[tuple[str, str]]:
    """What was found, as names with words."""
    return [(name, with_options(words)) for name, words in _rows(found)]


def with_options(words: str) -> str:
    """The words with options as the command line has them."""
    return UserError(words).for_command_line(dashed)


def _name(advice: Recommendation) -> str:
    """The model, and what it is composed of."""
    if advice.chosen != COMPOSED or advice.composed is None:
        return advice.model
    parts = [f"{name} {value}" for name, value in asdict(advice.composed).items() if value not in (NO_ROW, False, True)]
    return f"{advice.model} ({', '.join([*parts, *(['implicit'] if advice.composed.implicit else [])])})"


def _rows(found: Diagnosis) -> list[tuple[str, str]]:
    """What was found of the noise, and what else befell the images."""
    seen = [(f.name, f.words + (f"; {f.advice}" if f.advice else "")) for f in found.findings if f.seen]
    return [*_noise_rows(found), *seen]


def _noise_rows(found: Diagnosis) -> list[tuple[str, str]]:
    if found.little_noise:
        return [("level (of 255)", f"below {found.level_below:.1f}: little noise, or none")]
    mean, spread = found.level_of_images
    exact = ", by differences of frames that repeat a scene" if found.repeated else ""
    neighbours = found.autocorrelation[0][1], found.autocorrelation[1][0]
    rows = [
        ("level (of 255)", f"{found.level:.3g} ± {found.error:.2g}{exact}"),
        ("relation to the signal", _relation(found)),
        *_native(found),
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


def _native(found: Diagnosis) -> list[tuple[str, str]]:
    """In the files' values: levels at some of them, and the line of counts."""
    rows = []
    for native in found.natives:
        told = [(v, s, e) for v, s, e in zip(native.value, native.level, native.error, strict=True) if s is not None]
        where = "" if native.channel is None else f", channel {native.channel}"
        if told:
            chosen = [told[k] for k in sorted({0, len(told) // 2, len(told) - 1})]
            words = "; ".join(f"{s:.3g}{f' ± {e:.1g}' if e else ''} at {v:.4g}" for v, s, e in chosen)
            rows.append((f"level (file values{where})", words))
        if native.gain is not None and native.gain_error is not None and native.intercept is not None:
            sign = "+" if native.intercept >= 0 else "-"
            line = f"variance = {native.gain:.3g}·value {sign} {abs(native.intercept):.3g}"
            if not native.gain_error:
                above = f"(value - {native.offset:.4g})" if native.offset else "value"
                line = f"variance = {native.gain:.3g}·{above}"
                rows.append((f"counts{where}", f"single events are seen, {native.gain:.3g} apart: {line}, exactly"))
                continue
            gain = f"{native.gain:.3g} ± {native.gain_error:.1g}"
            rows.append((f"counts{where}", f"gain {gain}, times the excess factor of a detector that has one: {line}"))
            rows.append((f"read noise{where}", _read_noise(native)))
    return rows


def _read_noise(native: NativeNoise) -> str:
    if native.offset is None:
        return "the line's level at the offset, which images do not tell: give <dark> or <offset>"
    if native.read_noise is None:
        return f"not told: the line is below 0 at the offset {native.offset:.4g}"
    return f"{native.read_noise:.3g} at the offset {native.offset:.4g}"


def _relation(found: Diagnosis) -> str:
    if found.relation is not None:
        alike = [other for other in likely_laws(found) if other != found.relation.law.proportional_to]
        also = f"; a level proportional to {' or to '.join(alike)} fits as well" if alike else ""
        return f"{found.relation.describe()}{also}"
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
