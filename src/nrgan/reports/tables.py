"""Tables in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nrgan.evaluation.noise_check import NoiseCheck
from nrgan.evaluation.selection import Candidate, fid
from nrgan.models import LEARNED
from nrgan.observation import InvarianceRow, Model, PriorRow
from nrgan.runs import Record
from nrgan.settings import Setting

_UNBOUNDED = 10_000
"""Columns where nobody counts them."""


def show(*tables: Table) -> None:
    """Prints tables: within a terminal's width, nothing cut off; elsewhere without lines, and a row on a line."""
    console = Console(highlight=False)
    for column in (column for table in tables for column in table.columns):
        column.overflow = "fold"
    if not console.is_terminal:
        console.width = _UNBOUNDED
        for table in tables:
            table.box, table.pad_edge, table.title_justify, table.caption_justify = None, True, "left", "left"
    console.print(*tables)


def figures(records: Sequence[Record]) -> Table:
    """The figures of one snapshot."""
    first = records[0]
    real = {"clean": "clean images", "observed": "noisy images, samples as observed"}[first.against]
    title = f"iteration {first.iteration:,}: {first.samples:,} samples against {first.reference_count:,} {real}"
    table = Table("metric", "value", title=title, min_width=len(title))  # a title is broken at the table's width
    for record in records:
        values = dict(record.results)
        for name, value in record.results.items():
            spread_name = name.replace("_mean", "_sd")
            if spread_name != name and spread_name in values:
                table.add_row(escape(name.replace("_mean", "")), f"{value:.4g} ± {values.pop(spread_name):.2g}")
            elif name in values:
                table.add_row(escape(name), f"{value:.4g}")
    return table


def selection(candidates: Sequence[Candidate], chosen: Candidate) -> Table:
    """The snapshots of a run, and which was chosen."""
    record = chosen.observed
    (name, *_), with_clean = record.results, chosen.clean is not None
    table = Table("iteration", escape(f"{name}, observed"), title=f"snapshots, {record.samples:,} samples")
    if with_clean:
        table.add_column(escape(f"{name}, clean"))
    table.add_column("")
    for candidate in candidates:
        row = [f"{candidate.observed.iteration:,}", f"{fid(candidate.observed):.4g}"]
        row += [f"{fid(candidate.clean):.4g}"] if candidate.clean is not None else []
        table.add_row(*row, "best" if candidate is chosen else "")
    return table


def cell_states(title: str, rows: Sequence[tuple[str, str, str, float | None]]) -> Table:
    """The runs of a table: name, state, what there is to say of it, and figure."""
    counts = Counter(state for _, state, _, _ in rows)
    table = Table("run", "state", "", "figure", title=f"{title}: " + ", ".join(f"{n} {s}" for s, n in counts.items()))
    for name, state, words, figure in rows:
        table.add_row(escape(name), state, escape(words), "" if figure is None else f"{figure:.4g}")
    return table


def noise_differences(check: NoiseCheck) -> Table:
    """The noise of a model beside the truth."""
    truth, learned = check.truth, check.learned
    table = Table("noise", "true", "model's", "difference", title=f"{check.model} on {check.setting}")
    values = {
        "level (of 255)": lambda s: f"{s.level:.2f}",
        "spread of level over images (of 255)": lambda s: f"{s.level_of_images[1]:.2f}",
        "excess kurtosis": lambda s: f"{s.excess_kurtosis:.2f}",
    }
    for name, difference in check.differences().items():
        both = [values[name](s) if name in values and s else "" for s in (truth, learned)]
        table.add_row(name, *both, f"{difference:+.3g}")
    return table


def noise_left(check: NoiseCheck) -> Table:
    """Estimated noise in clean and noisy images, real and generated."""
    table = Table("images", "estimated noise (of 255)", title="How much noise is left? Texture counts: compare")
    for name, level in check.noise_left.items():
        table.add_row(name, f"{level:.2f}")
    return table


def noise_left_by_demo(levels: Mapping[str, float], true_level: float) -> Table:
    """The levels of noise that the demo found."""
    table = Table("", "noise level (of 255)", title=f"How much noise is left? True level: {true_level:g}")
    for name, level in levels.items():
        table.add_row(name, f"{level:.1f}")
    return table


def settings_table(settings: Iterable[Setting]) -> Table:
    """All settings."""
    table = Table("setting", "paper", "corruption", title="Settings")
    for setting in settings:
        table.add_row(setting.name, setting.paper, str(setting.corruption))
    return table


def described(kind: str, rows: Mapping[str, type]) -> Table:
    """Rows by the first line of what their class says of itself."""
    table = Table(kind, "description", title=f"{kind.capitalize()}s")
    for name, row in rows.items():
        table.add_row(name, escape((row.__doc__ or "").partition("\n")[0]))
    return table


def models_table(models: Mapping[str, Model]) -> Table:
    """All models."""
    table = Table("model", "what must be known of the noise", title="Models")
    for name, model in models.items():
        table.add_row(name, model.knowledge)
    return table


def conditions_table(kind: str, rows: Mapping[str, PriorRow] | Mapping[str, InvarianceRow]) -> Table:
    """What may be said of the noise to compose a model."""
    table = Table(kind, f"what {LEARNED} is told of the noise: it …", title=f"{kind.capitalize()}s, for {LEARNED}")
    for name, row in rows.items():
        table.add_row(name, row.holds)
    return table
