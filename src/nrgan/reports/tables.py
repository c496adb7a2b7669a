"""Tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nrgan.evaluation.noise_check import NoiseCheck
from nrgan.evaluation.records import Record
from nrgan.evaluation.selection import Candidate, fid


def show(table: Table) -> None:
    """Prints a table, wide enough where the output is no terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(table)


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
