"""Tables that are made from the code, a directive each: `TABLES` says which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import nrgan
from nrgan import noise_file
from nrgan.data import frozen
from nrgan.denoising import denoiser
from nrgan.frames.formats import CONVERTERS, FORMATS
from nrgan.models import MODELS
from nrgan.observation import INVARIANCES, PRIORS, InvarianceRow, PriorRow
from nrgan.runs import checkpoint, folder, snapshot

Rows = Iterable[Sequence[str]]

CODE = "`"
"""What a cell begins with that is code as a whole."""


def file_kinds() -> Rows:
    """The kinds of file that are read, and what reading and writing them needs."""
    yield "file names that end in", "reading needs", "`denoise` writes"
    for row in FORMATS.values():
        needs = f"`pip install 'nrgan[{row.extra}]'" if row.extra else "nothing more"
        yield " ".join(row.suffixes), needs, "OME-TIFF" if row.write is None else " ".join(row.written) or "the same"


def converters() -> Rows:
    """Kinds that are not read, and which program turns them into one that is."""
    yield "file names that end in", "convert with"
    for program in dict.fromkeys(CONVERTERS.values()):
        yield " ".join(suffix for suffix, by in CONVERTERS.items() if by == program), program


def versions() -> Rows:
    """Files that this program writes and reads again."""
    yield "file", "version of its format"
    for name, module in {
        "run folder": folder,
        "checkpoint": checkpoint,
        "snapshot": snapshot,
        "denoiser": denoiser,
        "noise file": noise_file,
        "cached noisy set": frozen,
    }.items():
        yield name, str(module.FORMAT_VERSION)


def models() -> Rows:
    """The published models."""
    yield "model", "what must be known of the noise"
    for name, row in MODELS.items():
        yield f"{CODE}{name}", row.knowledge


def parts() -> Rows:
    """What the model `learned` is composed of."""
    yield "option", "name", "what must hold of the noise: it"
    options: dict[str, Mapping[str, PriorRow | InvarianceRow]] = {"--prior": PRIORS, "--invariances": INVARIANCES}
    for option, rows in options.items():
        for name, row in rows.items():
            yield f"{CODE}{option}", f"{CODE}{name}", row.holds


def names() -> Rows:
    """What `import nrgan` offers."""
    yield "public names of `nrgan`", ""
    found = [name for name in nrgan.__all__ if name != "__version__"]
    half = (len(found) + 1) // 2
    for left, right in zip(found[:half], [*found[half:], ""], strict=False):
        yield f"{CODE}{left}", f"{CODE}{right}"


TABLES: dict[str, Callable[[], Rows]] = {
    "nrgan-file-kinds": file_kinds,
    "nrgan-converters": converters,
    "nrgan-versions": versions,
    "nrgan-models": models,
    "nrgan-parts": parts,
    "nrgan-names": names,
}


class TableDirective(SphinxDirective):
    """The table of the directive's own name."""

    def run(self) -> list[nodes.Node]:
        heads, *rows = TABLES[self.name]()
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
        group += nodes.thead("", _row(heads))
        group += nodes.tbody("", *(_row(row) for row in rows))
        return [nodes.table("", group)]


def _row(cells: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *_cell(text))) for text in cells))


def _cell(text: str) -> Iterable[nodes.Node]:
    """Text with code between backticks; the last backtick may be left out."""
    for number, part in enumerate(text.split(CODE)):
        if part:
            yield nodes.literal(text=part) if number % 2 else nodes.Text(part)


def setup(app: Sphinx) -> dict[str, Any]:
    for name in TABLES:
        app.add_directive(name, TableDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
