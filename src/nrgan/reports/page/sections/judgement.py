"""A denoiser's judgement without clean images, as `nrgan denoise --judge` wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrgan.errors import UserError, first_line
from nrgan.layout import JUDGEMENT
from nrgan.reading import read_json
from nrgan.reports.diagnosis_table import with_options
from nrgan.reports.page.blocks import Block, Command, Curves, Table, Words, figure
from nrgan.reports.page.chart import Chart, Line
from nrgan.reports.page.subjects import Subject


def judgement(subject: Subject) -> Sequence[Block]:
    """The estimated risk, what is left of the noise, what it invents and what it loses; and what cannot be told."""
    path = subject.folder / JUDGEMENT
    if not path.is_file():
        command = f"nrgan denoise IMAGES OUT --with {subject.name} --judge"
        return [Words("It has not been judged yet. This does:"), Command(command)]
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({first_line(error)})") from error
    rows = [row for part in (_risk, _residual, _null_test, _halves) for row in part(found)]
    blocks: list[Block] = [Words(f"{figure(found.get('images'))} squares of images were looked at.")]
    blocks += [Table("Figures", ["", "found"], rows)] if rows else []
    blocks += [Curves(chart) for chart in _injection(found)]
    withheld = [[name.replace("_", " "), with_options(str(why))] for name, why in _dict(found.get("withheld")).items()]
    blocks += [Table("What cannot be told", ["part", "why"], withheld)] if withheld else []
    notes = found.get("notes")
    return [*blocks, *(Words(str(note)) for note in (notes if isinstance(notes, list) else []))]


def _risk(found: dict[str, Any]) -> list[list[str]]:
    risk = _dict(found.get("risk"))
    if not risk:
        return []
    ends = risk.get("psnr_range")
    low, high = ends if isinstance(ends, list) and len(ends) == 2 else (None, None)
    return [["PSNR, estimated (dB)", f"{figure(risk.get('psnr'), 3)}, from {figure(low, 3)} to {figure(high, 3)}"]]


def _residual(found: dict[str, Any]) -> list[list[str]]:
    seen, expected = (_dict(_dict(found.get("residual")).get(name)) for name in ("seen", "expected"))
    names = {"level": "what was taken away: level (of 255)", "answer_correlation": "its correlation with the answer"}
    return [
        [words, f"{figure(seen.get(name), 3)}; {figure(expected.get(name), 3)} expected"]
        for name, words in names.items()
        if name in seen
    ]


def _null_test(found: dict[str, Any]) -> list[list[str]]:
    test = _dict(found.get("null_test"))
    if not test:
        return []
    own, smoother = (_dict(test.get(name)).get("per_megapixel") for name in ("spots", "smoother_spots"))
    words = f"{figure(own, 3)} of a megapixel; a smoother that leaves as much: {figure(smoother, 3)}"
    return [["spots in noise alone", words]]


def _halves(found: dict[str, Any]) -> list[list[str]]:
    halves = _dict(found.get("halves"))
    names = {"risk": "mean squared error against another take", "input_risk": "the same of the noisy images"}
    return [[words, figure(_dict(halves.get(name)).get("mse"), 3)] for name, words in names.items() if name in halves]


def _injection(found: dict[str, Any]) -> list[Chart]:
    """Per background: how often a signal is seen, over its contrast."""
    charts = []
    for background, kinds in _dict(found.get("injection")).items():
        lines = []
        for style, (kind, of_kind) in enumerate(_dict(kinds).items()):
            contrasts = _dict(of_kind).get("contrasts")
            for name, of_input in (("seen", False), ("seen_in_input", True)):
                points = [
                    (float(c["contrast"]), float(c[name]))
                    for c in (contrasts if isinstance(contrasts, list) else [])
                    if isinstance(c, dict) and all(isinstance(c.get(key), (int, float)) for key in ("contrast", name))
                ]
                told = f"{kind}, in the noisy image" if of_input else kind
                lines.append(Line(told, points, 2 * style + of_input))
        words = f"Share of faint signals, added on {background} ground, that are seen after denoising and before"
        title, x = f"Faint signals that are seen, on {background} ground", "contrast (levels of the noise)"
        charts.append(Chart(title, words, x, "share", lines, from_zero=True))
    return charts


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
