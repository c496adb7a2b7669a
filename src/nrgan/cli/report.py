"""The verb that makes a page to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nrgan.cli.measure import Where, resources_of


@dataclass
class Report:
    """Write one page about runs, diagnoses, denoisers or studies, to look at and to share: nrgan report outputs"""

    paths: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="PATH")]
    """Folders of runs, diagnoses, denoisers or studies; several are shown side by side."""
    where: tyro.conf.OmitArgPrefixes[Where]
    out: Path = Path("report.html")
    """The page, an HTML file that holds all it needs."""
    with_training_images: tyro.conf.FlagCreatePairsOff[bool] = False
    """Show training images too, and those nearest to some samples. Without it none is in the page: they may be of
    patients."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace the file, also where nrgan did not make it."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.reports.page import report

        with Display() as display:
            done = report(
                self.paths,
                self.out,
                training_images=self.with_training_images,
                overwrite=self.overwrite,
                resources=resources_of(self.where, display),
            )
            for note in done.notes:
                display.say(f"note: left out: {note}")
        print(f"Look at {done.path}")
        return 0
