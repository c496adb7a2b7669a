"""The verbs that measure: evaluate, select, check-noise, compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from nrgan import torchrun
from nrgan.errors import UserError
from nrgan.evaluation.metric_names import METRIC_NAMES, Against
from nrgan.layout import BEST, Which

if TYPE_CHECKING:  # help texts should not wait for torch
    from nrgan.cli.display import Display
    from nrgan.evaluation.protocol import Resources


_METRICS = f"[{{{','.join(METRIC_NAMES)}}} ...]"
_METRICS_HELP = (
    f"What to measure ({', '.join(f'{name}: {words}' for name, words in METRIC_NAMES.items())}); all that the features "
    "can give if not said."
)


@dataclass
class Where:
    """Where to compute, and where data and caches lie."""

    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:N or mps."""
    data_root: Path | None = None
    """A folder with cifar-10-batches-py/ or its archive; the run's own if not given."""
    cache_dir: Path | None = None
    """Where downloads and statistics are kept; $NRGAN_CACHE or the user's cache folder if not given."""


@dataclass
class Evaluate:
    """Measure a generator (FID, KID, Inception Score, precision and recall), or a denoiser (PSNR and SSIM) against the
    clean images of a setting. nrgan evaluate outputs --samples 10000"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_DENOISER")]
    """A run, a denoiser, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    snapshot: Which = "newest"
    """Which one of a run: the newest, or the best (of those that are known, else the newest)."""
    metrics: Annotated[tuple[str, ...], tyro.conf.arg(metavar=_METRICS, help=_METRICS_HELP)] = ()
    samples: int | None = None
    """Generated images, 50,000 if not given; or of a denoiser, images that no training saw, 1,000 if not given."""
    clip: bool | None = None
    """Of a denoiser: whether those images are clipped, as a sensor does; as its training images were, if not given."""
    against: Against | None = None
    """Samples against clean images; or samples as observed against the noisy ones. Clean if there are such images."""
    features: str = "auto"
    """inception, random_convolutions, small_convolutions (for 50 to 1,000 images) or a TorchScript file; auto:
    inception, for shapes random_convolutions."""
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
        from nrgan.cli.display import Display
        from nrgan.denoising.denoiser import is_denoiser
        from nrgan.evaluation.measure import evaluate, usual_comparison
        from nrgan.evaluation.protocol import Protocol
        from nrgan.reports.tables import figures, show

        if is_denoiser(self.path):
            if torchrun.launched():
                raise UserError(f"{self.path}: is a denoiser, which one process measures; several measure generators")
            return self._denoiser()
        samples = Protocol().samples if self.samples is None else self.samples
        protocol = Protocol(self.metrics, samples, features=self.features, seed=self.seed, reference=self.reference)
        told = self.setting or self.reference  # published moments are of clean images
        against = self.against or ("clean" if told else usual_comparison(self.path))
        with Display() as display:
            resources = resources_of(self.where, display, batch_size=self.batch_size, processes=self.processes)
            protocol = replace(protocol, against=against)
            records = evaluate(self.path, protocol, resources, self.setting, self.model, self.snapshot)
        if records:  # of several ranks the first one has them
            show(figures(records))
        return 0

    def _denoiser(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.denoising.evaluate import IMAGES, evaluate

        images = IMAGES if self.samples is None else self.samples
        with Display() as display:
            resources = resources_of(self.where, display)
            found = evaluate(self.path, self.setting, images=images, clip=self.clip, resources=resources)
        print(found.describe())
        return 0


@dataclass
class Select:
    """Choose the best of a run's snapshots, without clean images, and keep it in best/. nrgan select outputs"""

    run_folder: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """The run."""
    where: tyro.conf.OmitArgPrefixes[Where]
    by: Against = "observed"
    """Lowest FID of observed samples to noisy images; or of samples to clean images."""
    samples: int = 10_000
    """Generated images a snapshot."""
    features: str = "auto"
    """inception, random_convolutions, small_convolutions (for 50 to 1,000 images) or a TorchScript file; auto:
    inception, for shapes random_convolutions."""
    seed: int = 0
    """Of the generated images."""
    only_observed: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave clean images out of it: else, where there are some, it shows what choosing without them costs."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.evaluation.measure import select_snapshot
        from nrgan.evaluation.protocol import Protocol
        from nrgan.reports.tables import selection, show

        protocol = Protocol(samples=self.samples, features=self.features, seed=self.seed)
        with Display() as display:
            found = select_snapshot(
                self.run_folder, protocol, resources_of(self.where, display), self.by == "clean", not self.only_observed
            )
        show(selection(found.candidates, found.chosen))
        if found.regret is not None:
            print(f"regret of the choice, in clean FID: {found.regret:.4g}")
        print(f"kept in {self.run_folder / BEST}")
        return 0


@dataclass
class CheckNoise:
    """Compare a model's noise with the true one: level, correlation, distribution; numbers and one figure."""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run, or one snapshot folder."""
    where: tyro.conf.OmitArgPrefixes[Where]
    snapshot: Which = "newest"
    """Which one of a run: the newest, or the best (of those that are known, else the newest)."""
    samples: int = 2000
    """Images, generated and real."""
    seed: int = 0
    """Of the generated images."""
    setting: str | None = None
    """What an imported snapshot was trained on."""
    model: str | None = None
    """Which model an imported snapshot is of."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.evaluation.measure import check_run_noise
        from nrgan.reports.noise_files import write_noise_check
        from nrgan.reports.tables import noise_differences, noise_left, show

        with Display() as display:
            check, folder = check_run_noise(
                self.path,
                self.samples,
                self.seed,
                resources_of(self.where, display),
                self.snapshot,
                self.setting,
                self.model,
            )
        figure = write_noise_check(check, folder)
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


def resources_of(where: Where, display: Display, **options: Any) -> Resources:
    """What the Python API takes for them."""
    from nrgan.evaluation.protocol import Resources
    from nrgan.training.device import choose_device

    device = choose_device(where.device)
    return Resources(where.data_root, where.cache_dir, device, preparing=display.preparing, **options)
