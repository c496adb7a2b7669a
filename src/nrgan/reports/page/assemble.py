"""Puts the page together: what each section says of each subject, in one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from nrgan.errors import UserError, first_line
from nrgan.evaluation.protocol import Resources
from nrgan.reports.page.blocks import Block, Chapter, Panel, Words
from nrgan.reports.page.names import Nameless, paths_in
from nrgan.reports.page.sections import SECTIONS, Section
from nrgan.reports.page.sections.comparison import ANCHOR, TITLE, comparison
from nrgan.reports.page.subjects import Options, Subject, subjects_of
from nrgan.storage import MADE_BY, check_output, writing

_PICTURES = 6 << 20
"""Bytes of pictures, before they are packed, that a page holds: noise, which cannot be packed, takes 9 MB as text."""
_MOST = 12
"""Subjects of a page: as many as anybody looks at side by side, and few enough for its size."""
_MALFORMED = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError, OSError)
"""What a file raises that is not as nrgan writes it: its section is left out, and the others are there."""
_SECONDS = 15
"""Between two looks of an open page at a run that goes on."""


@dataclass(frozen=True)
class Report:
    """A page that was written, and what could not be shown in it, with the reason."""

    path: Path
    notes: tuple[str, ...]


def report(
    paths: str | Path | Sequence[str | Path],
    out: str | Path = "report.html",
    *,
    training_images: bool = False,
    overwrite: bool = False,
    resources: Resources | None = None,
) -> Report:
    """Writes one page that holds everything about runs, diagnoses, denoisers or studies.

    training_images: also show images that were trained on, which else are not in it: they may be of patients.
    overwrite: also a file that is not ours. resources: where to compute, and where the training images lie, if not
    where they lay then. What cannot be made is left out, and told in `notes`. Raises `UserError` where nothing known
    lies at a path, where that cannot be read at all, or the page cannot be written.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not 1 <= len(given) <= _MOST:
        raise UserError(f"report takes 1 to {_MOST} folders, and was given {len(given)}")
    path = Path(out)
    check_output(path, overwrite)
    options = Options(training_images, resources=resources or Resources(), pictures=_PICTURES // len(given))
    return _written(subjects_of(given, options), path)


def live_report(run: str | Path, out: Path, ended: bool = False) -> Report:
    """The page of a run that goes on, of what its folder holds: an open page looks again by itself, until it has ended.

    Draws nothing and computes nothing of the model. Raises `UserError` where it cannot be written.
    """
    check_output(out)
    return _written(subjects_of([run], Options(cheap=True, pictures=_PICTURES)), out, 0 if ended else _SECONDS)


def _written(subjects: Sequence[Subject], out: Path, refresh: int = 0) -> Report:
    chapters, notes = _chapters(subjects)
    known = [subject.path for subject in subjects]
    known += [Path(path) for subject in subjects for path in paths_in(subject.document)]
    page = _environment(Nameless(known)).get_template("page").render(
        chapters=chapters,
        subjects=subjects,
        several=len(subjects) > 1,
        made=f"{MADE_BY} {version('nrgan')}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        refresh=refresh,
    )  # fmt: skip
    with writing(out) as part:
        part.write_text(page, encoding="utf-8")
    return Report(out, tuple(notes))


def _chapters(subjects: Sequence[Subject]) -> tuple[list[Chapter], list[str]]:
    """The sections that have something to say, and what could not be made."""
    notes: list[str] = []
    chapters = [Chapter(ANCHOR, TITLE, [Panel("", _made(lambda: comparison(subjects), TITLE, notes))])]
    for section in SECTIONS:
        chapter = Chapter(section.anchor, section.title)
        for subject in (subject for subject in subjects if _is_due(section, subject)):
            make = partial(section.make, subject)
            chapter.panels.append(Panel(subject.name, _made(make, f"{subject.name}: {section.title}", notes)))
        chapters.append(chapter)
    for chapter in chapters:
        chapter.panels = [panel for panel in chapter.panels if panel.blocks]
    return [chapter for chapter in chapters if chapter.panels], notes


def _made(make: Callable[[], Sequence[Block]], what: str, notes: list[str]) -> Sequence[Block]:
    """The blocks; where they cannot be made, a sentence, and the reason among the notes: it may name paths."""
    try:
        return make()
    except (UserError, *_MALFORMED) as error:
        notes.append(f"{what}: {first_line(error)}")
        return [Words("This could not be made. The command that made this page says why.")]


def _is_due(section: Section, subject: Subject) -> bool:
    options = subject.options
    shown = options.training_images or not section.training_images
    return subject.kind in section.kinds and shown and not (options.cheap and section.computes)


def _source(name: str) -> str | None:
    file = resources.files("nrgan.reports.page") / "templates" / f"{name}.html.j2"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _environment(nameless: Nameless) -> Environment:
    """Every text that is put in has its paths taken out, and is escaped."""

    def without_paths(value: Any) -> Any:
        return value if isinstance(value, Markup) or not isinstance(value, str) else nameless(value)

    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        finalize=without_paths,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("style.css", "script.js"):
        text = (resources.files("nrgan.reports.page") / "templates" / name).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
        kind = name.partition(".")[0]
        environment.globals[kind] = Markup(text)
        environment.globals[f"{kind}_digest"] = Markup(digest)
    return environment
