"""The verb that makes a table of many runs: all of it, a part, how far it is, or as jobs of a cluster."""

from __future__ import annotations

import shlex
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nrgan.cli.measure import Where
from nrgan.errors import UserError

if TYPE_CHECKING:
    from nrgan.studies.on_ray import OnRay


@dataclass
class Reproduce:
    """Make a table of settings or images, models, options and seeds: nrgan reproduce quick --out outputs. Stopped, the
    same goes on; several such commands share the runs, also on machines that share OUT."""

    grid: Annotated[str, tyro.conf.arg(metavar="GRID")]
    """quick, paper-signal-independent, paper-signal-dependent, or a TOML file of your own, which may name your own
    images and, in [grid], options with the values that each takes in turn."""
    where: tyro.conf.OmitArgPrefixes[Where]
    out: Path = Path("reproduced")
    """Where the runs and the table go."""
    jobs: int = 1
    """Runs that train at once, each in a process of its own with its share of the cores."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="NAME|K/N")] = None
    """Of the runs the one of this name, or every Nth from the Kth on; the table is left to the whole command."""
    status: tyro.conf.FlagCreatePairsOff[bool] = False
    """Say how far the runs are, by what lies in OUT, and stop."""
    print_slurm: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print a script for Slurm's sbatch, with a job for each run, and stop."""
    on: Literal["ray"] | None = None
    """Where the runs go: ray, a Ray cluster whose machines share OUT; this machine if not given."""
    address: str | None = None
    """Of the Ray cluster; $RAY_ADDRESS if not given, or else one of this machine alone."""
    share: float | None = None
    """Of a GPU, for each run on Ray; if not given a quarter for images of up to 32 pixels, else a whole one."""
    store: str | None = None
    """Where the runs on Ray are kept if its machines do not share OUT: a URL such as s3://bucket/table, by fsspec."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace table.md, table.csv and table.html in OUT, also where nrgan did not make them."""

    def run(self) -> int:
        if self.status:
            return self._say_status()
        return self._print_slurm() if self.print_slurm else self._make()

    def _make(self) -> int:
        from rich.markdown import Markdown

        from nrgan.children import end_with_parent
        from nrgan.cli.display import Display
        from nrgan.cli.stopping import stop_requests
        from nrgan.cli.study_display import StudyDisplay
        from nrgan.studies.reproduce import reproduce
        from nrgan.studies.store import is_result
        from nrgan.studies.table import check_tables

        end_with_parent()
        where = self.where
        check_tables(self.out, self.overwrite)
        connected, trainer = self._cluster()
        store = None if trainer is None else trainer.store
        with connected, Display() as display, stop_requests() as requests:
            if store is not None:
                store.fetch(self.out, wanted=is_result)
            table = reproduce(
                self.grid,
                self.out,
                jobs=self.jobs,
                device=where.device,
                data_root=where.data_root,
                cache=where.cache_dir,
                watcher=StudyDisplay(display),
                stopped=lambda: requests[0] if requests else 0,
                cell=self.cell,
                trainer=trainer,
            )
            if table is None:
                display.say(f"stopped; what is done is kept in {self.out}, the same command goes on")
                return 128 + requests[0]
            if self.cell is None:
                for path in table.write(self.out):
                    display.say(f"wrote {path}")
                    if store is not None:
                        store.put_file(path, path.name)
                display.console.print(Markdown(table.markdown()))
            else:
                display.say(f"the table, once all runs are done: {shlex.join(['nrgan', *self._words()])}")
        return int(bool(table.failures))

    def _say_status(self) -> int:
        from nrgan.reports.tables import cell_states, show
        from nrgan.studies.grid import load_grid
        from nrgan.studies.reproduce import cells_of
        from nrgan.studies.status import statuses

        grid, now = load_grid(self.grid), time.time()
        if self.store is not None:
            from nrgan.studies.store import Store, is_result

            Store(self.store).fetch(self.out, wanted=is_result)
        found = statuses(cells_of(self.grid, grid, self.out, self.cell), grid.evaluation)
        rows = [(status.config.out.name, status.state, status.words(now), status.figure) for status in found]
        show(cell_states(grid.title, rows))
        return 0

    def _print_slurm(self) -> int:
        from nrgan.studies.grid import load_grid
        from nrgan.studies.reproduce import cells_of
        from nrgan.studies.slurm import slurm_script

        grid = load_grid(self.grid)
        count = len(cells_of(self.grid, grid, self.out))
        print(slurm_script(grid.title, Path(self.grid).stem, count, self._words()), end="")
        return 0

    def _cluster(self) -> tuple[AbstractContextManager[None], OnRay | None]:
        """The connection to what trains the runs, and that; None for this machine."""
        if self.on is None:
            for name in ("address", "share", "store"):
                if getattr(self, name) is not None:
                    raise UserError(f"<{name}>: is for runs on Ray; give <on> ray too, or leave it out")
            return nullcontext(), None
        if self.jobs != 1:
            raise UserError(f"<jobs> {self.jobs}: is for this machine; Ray itself says how many runs there are at once")
        from nrgan.studies.on_ray import OnRay, cluster
        from nrgan.studies.store import Store

        where, store = self.where, None if self.store is None else Store(self.store)
        trainer = OnRay(self.grid, self.out, where.device, where.data_root, where.cache_dir, self.share, store)
        return cluster(self.address), trainer

    def _words(self) -> list[str]:
        """The command that makes the whole table."""
        from nrgan.studies.command import command_of

        return command_of(self.grid, self.out, self.where.device, self.where.data_root, self.where.cache_dir)
