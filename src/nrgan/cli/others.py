"""The verbs that are no work on a run of one's own: list, import-reference, demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class List:
    """Show all settings, models, priors, invariances, networks and objectives."""

    def run(self) -> int:
        from nrgan.models import all_models
        from nrgan.networks import all_families
        from nrgan.objectives import all_objectives
        from nrgan.observation import PRIORS, all_invariances
        from nrgan.reports.tables import conditions_table, described, models_table, settings_table, show
        from nrgan.settings import all_settings

        families = {name: type(family) for name, family in all_families().items()}
        show(
            settings_table(all_settings().values()),
            models_table(all_models()),
            conditions_table("prior", PRIORS),
            conditions_table("invariance", all_invariances()),
            described("network", families),
            described("objective", all_objectives()),
        )
        return 0


@dataclass
class ImportReference:
    """Read the snapshots of the reference implementation (netG_iter_N.pth, netGn_…, netD_…)."""

    run_dir: Path
    """The reference's output folder."""
    out: Path
    """Where to write the snapshots."""

    def run(self) -> int:
        from nrgan.runs.reference import import_reference

        for folder in import_reference(self.run_dir, self.out):
            print(folder)
        print(f"Generate with: nrgan generate {self.out} --setting SETTING --model MODEL")
        return 0


@dataclass
class Demo:
    """Train a plain GAN and an NR-GAN on drawn, noisy images for a few minutes, and show both in one picture."""

    out: Path = Path("demo-outputs")
    """Where to write."""

    def run(self) -> int:
        import time

        from nrgan.cli.display import Display
        from nrgan.cli.stopping import stop_requests
        from nrgan.demo.demo import ITERATIONS, MODELS, SETTING, demo, picture_of
        from nrgan.reports.tables import noise_left_by_demo, show

        begun = time.monotonic()
        with Display() as display, stop_requests() as requests:
            display.say(
                f"training {' and '.join(MODELS)} on {SETTING}, {ITERATIONS:,} iterations each, a few minutes …"
            )
            result = demo(
                self.out, preparing=display.preparing, watcher=display, stopped=lambda: requests[0] if requests else 0
            )
            if result is None:
                display.say(f"stopped; both runs are saved in {self.out}, the same command goes on")
                return 128 + requests[0]
            display.say(f"trained in {(time.monotonic() - begun) / 60:.1f} minutes")
        show(noise_left_by_demo(result.levels, result.true_level))
        print(f"Look at {picture_of(self.out)}")
        return 0
