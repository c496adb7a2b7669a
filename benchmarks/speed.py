"""All of `nrgan bench`, and what needs more than the package: the steps that make it fast, the reference beside it.

    python benchmarks/speed.py --ablation --reference DIR [the options of nrgan bench]

DIR is a checkout of the reference implementation. It is looked at before anything is measured.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from nrgan.cli import Bench
from nrgan.errors import UserError
from nrgan.training.config import dashed


@dataclass
class Speed(Bench):
    """Measure training speed, step by step what makes it fast (--ablation), and beside the reference (--reference)."""

    ablation: tyro.conf.FlagCreatePairsOff[bool] = False
    """Time the steps that make it fast, too."""
    reference: Path | None = None
    """A checkout of the reference implementation to time in turn."""

    def run(self) -> int:
        # imported late: help should not wait for torch
        from rich.console import Console

        from ablation import ablate, ablation_table
        from beside_reference import compare, comparison_table
        from nrgan.bench.command import write_figures
        from nrgan.bench.measure import measure
        from nrgan.bench.report import speed_table
        from nrgan.storage import check_output
        from nrgan.training.device import configure_process
        from reference_code import check_comparison

        config = self.config()
        if self.json is not None:
            check_output(self.json)
        if self.reference is not None:
            check_comparison(self.reference, config)
        device = configure_process(config.machine)
        console = Console(highlight=False)
        figures: dict[str, Any] = {"speed": [measure(config, device, self.rounds, self.packed)]}
        console.print(speed_table(figures["speed"]))
        if self.ablation:
            figures["ablation"] = ablate(config, device, self.rounds)
            console.print(ablation_table(figures["ablation"]))
        if self.reference is not None:
            figures["reference"] = compare(config, self.reference, self.rounds, device)
            console.print(comparison_table(figures["reference"]))
        write_figures(figures, self.json)
        return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit code: 0 done, 2 asked for what cannot be done."""
    try:
        return tyro.cli(Speed, prog="speed.py", args=arguments).run()
    except UserError as error:
        print(f"error: {error.for_command_line(dashed)}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
