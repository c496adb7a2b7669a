"""The verbs that measure: evaluate, select, check-noise, compare, reproduce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:  # help texts should not wait for torch
    from nrgan.evaluation.evaluate import Resources
    from nrgan.reports.display import Display


@dataclass
class Where:
    """Where to compute, and where data and caches lie."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda or cuda:N."""
    data_root: Path | None = None
    """A folder with cifar-10-batches-py/ or its archive; the run's own if not given."""
    cache_dir: Path | None = None
    """Where downloads and statistics are kept; $NRGAN_CACHE or the user's cache folder if not given."""


@dataclass
class Evaluate:
    """Measure a generator: FID, KID, Inception Score, precision and recall. nrgan evaluate outputs --samples 10000"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run (its newest snapshot is measured), its best/, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    metrics: tuple[Literal["fid", "kid", "is", "pr"], ...] = ()
    """What to measure (pr: precision and recall); all that the features can give if not said."""
    samples: int = 50_000
    """Generated images."""
    against: Literal["clean", "observed"] | None = None
    """Samples against clean images; or samples as observed against the noisy ones. Clean if there are such images."""
    features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: inception, for shapes random_convolutions."""
    reference: Path | None = None
    """Moments of real images to compare with (.npz with mu, sigma, count), instead of the setting's images."""
    seed: int = 0
    """Of the generated images."""
    batch_size: int = 100
    """Images through the feature extractor at once."""
    processes: int = 1
    """Processes that generate, each on a GPU of its own where there are several."""
    setting: str | None = None
    """What an imported snapshot was trained on."""
    model: str | None = None
    """Which model an imported snapshot is of."""

    def run(self) -> int:
        from nrgan.evaluation.evaluate import Protocol
        from nrgan.measuring import evaluate, usual_comparison
        from nrgan.reports.display import Display
        from nrgan.reports.tables import figures, show

        told = self.setting or self.reference  # published moments are of clean images
        against = self.against or ("clean" if told else usual_comparison(self.path))
        protocol = Protocol(self.metrics, self.samples, against, self.features, self.seed)
        with Display() as display:
            resources = _resources(
                self.where, display, batch_size=self.batch_size, processes=self.processes, reference=self.reference
            )
            records = evaluate(self.path, protocol, resources, self.setting, self.model)
        show(figures(records))
        return 0


@dataclass
class Select:
    """Choose the best of a run's snapshots, without clean images, and keep it in best/. nrgan select outputs"""

    run_folder: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """The run."""
    where: tyro.conf.OmitArgPrefixes[Where]
    by: Literal["observed", "clean"] = "observed"
    """Lowest FID of observed samples to noisy images; or of samples to clean images."""
    samples: int = 10_000
    """Generated images a snapshot."""
    features: str = "auto"
    """inception, random_convolutions or a TorchScript file; auto: inception, for shapes random_convolutions."""
    seed: int = 0
    """Of the generated images."""
    only_observed: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave clean images out of it: else, where there are some, it shows what choosing without them costs."""

    def run(self) -> int:
        from nrgan.evaluation.evaluate import Protocol
        from nrgan.measuring import select_snapshot
        from nrgan.reports.display import Display
        from nrgan.reports.tables import selection, show

        protocol = Protocol(samples=self.samples, features=self.features, seed=self.seed)
        with Display() as display:
            found = select_snapshot(
                self.run_folder, protocol, _resources(self.where, display), self.by == "clean", not self.only_observed
            )
        show(selection(found.candidates, found.chosen))
        if found.regret is not None:
            print(f"regret of the choice, in clean FID: {found.regret:.4g}")
        print(f"kept in {self.run_folder / 'best'}")
        return 0


@dataclass
class CheckNoise:
    """Compare a model's noise with the true one: level, correlation, distribution; numbers and one figure."""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run (its newest snapshot), its best/, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    samples: int = 2000
    """Images, generated and real."""
    seed: int = 0
    """Of the generated images."""

    def run(self) -> int:
        from nrgan.measuring import check_run_noise
        from nrgan.reports.display import Display
        from nrgan.reports.tables import noise_differences, noise_left, show

        with Display() as display:
            check, figure = check_run_noise(self.path, self.samples, self.seed, _resources(self.where, display))
        if check.learned is None:
            print(f"{check.model} adds no noise: nothing to compare with the truth")
        elif check.truth is None:
            print(f"the true noise of {check.setting} is not known: the figure shows the model's alone")
        else:
            show(noise_differences(check))
        show(noise_left(check))
        print(f"Look at {figure}")
        return 0


@dataclass
class Reproduce:
    """Make a table of settings, models and seeds: nrgan reproduce quick --out outputs. Stopped, the same goes on."""

    grid: Annotated[str, tyro.conf.arg(metavar="GRID")]
    """quick, paper-signal-independent, paper-signal-dependent, or a TOML file of your own."""
    where: tyro.conf.OmitArgPrefixes[Where]
    out: Path = Path("reproduced")
    """Where the runs and the table go."""
    jobs: int = 1
    """Runs that train at once, each in a process of its own with its share of the cores."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace table.md, table.csv and table.html in OUT, also where nrgan did not make them."""

    def run(self) -> int:
        from rich.markdown import Markdown

        from nrgan.reports.display import Display
        from nrgan.reproduce.reproduce import reproduce

        where = self.where
        with Display() as display:
            code, table = reproduce(
                self.grid,
                self.out,
                self.jobs,
                where.device,
                where.data_root,
                where.cache_dir,
                display,
                self.overwrite,
            )
            if table is not None:
                display.console.print(Markdown(table.markdown()))
        return code


@dataclass
class Compare:
    """Show runs side by side: samples, figures over iterations, and a table. nrgan compare outputs-a outputs-b"""

    runs: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RUN")]
    """The runs."""
    out: Path = Path("comparison.png")
    """The figure, a PNG; the table goes beside it, as Markdown."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace both files, also where nrgan did not make them."""

    def run(self) -> int:
        from nrgan.reports.comparison import compare
        from nrgan.reports.tables import show

        show(compare(self.runs, self.out, self.overwrite))
        print(f"Look at {self.out}")
        return 0


def _resources(where: Where, display: Display, **options: Any) -> Resources:
    from nrgan.evaluation.evaluate import Resources
    from nrgan.training.device import choose_device

    device = choose_device(where.device)
    return Resources(where.data_root, where.cache_dir, device, preparing=display.preparing, **options)
