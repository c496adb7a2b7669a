"""The verbs `evaluate`, `select` and `check_noise`: load, measure, add to the run's lines, return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.noise_check import NoiseCheck, check_noise
from nrgan.evaluation.protocol import Protocol, Resources
from nrgan.evaluation.selection import Candidate, fid_of, select, snapshots_to_choose_from
from nrgan.layout import Which, find_snapshot, run_of
from nrgan.networks.sampling import check_seed
from nrgan.ranks import here
from nrgan.runs import Record, TrainedModel, read_config
from nrgan.settings import Setting


def with_run_defaults(resources: Resources, path: str | Path) -> Resources:
    """The same, with the data and cache folders that the run at `path` was trained with where none are given."""
    try:
        trained = read_config(run_of(Path(path)))
    except UserError:  # a snapshot on its own, or of an older version
        return resources
    if resources.data_root is None and trained.get("data_root"):
        resources = replace(resources, data_root=Path(trained["data_root"]))
    if resources.cache is None and trained.get("cache_dir"):
        resources = replace(resources, cache=Path(trained["cache_dir"]))
    return resources


def usual_comparison(path: str | Path) -> Against:
    """What samples are compared with unless one says: clean images where there are some, else the noisy ones."""
    return comparison_of(TrainedModel.load(path, snapshot="newest").setting)


def comparison_of(setting: Setting) -> Against:
    """The same for the images of a setting."""
    return "clean" if setting.has_clean else "observed"


def evaluate(
    path: str | Path,
    protocol: Protocol | None = None,
    resources: Resources | None = None,
    setting: str | None = None,
    model: str | None = None,
    snapshot: Which = "newest",
) -> list[Record]:
    """The figures of a snapshot, or of a run's newest (or best) one; measured anew, and added to the run's lines.

    setting, model: instead of what the snapshot says of itself. In processes that torchrun starts, each generates some
    of the images, and the first one has the figures; the others none. Raises `UserError`.
    """
    resources, ranks = with_run_defaults(resources or Resources(), path), here()
    resources = replace(resources, ranks=ranks, device=ranks.device(resources.device))
    folder = find_snapshot(Path(path), snapshot)
    trained = TrainedModel.load(folder, setting=setting, model=model).to(resources.device)
    evaluator = Evaluator(
        protocol or Protocol(), trained.about, trained.image_size, resources, channels=trained.image_channels
    )
    if not ranks.first:
        evaluator.generated.help(trained)
        return []
    return evaluator.measure(trained, folder.name)


@dataclass(frozen=True)
class Selection:
    """The snapshots of a run with their figures, the chosen one, and its regret where clean images tell it."""

    candidates: list[Candidate]
    chosen: Candidate
    regret: float | None


def select_snapshot(
    run: str | Path,
    protocol: Protocol,
    resources: Resources | None = None,
    by_clean: bool = False,
    show_clean: bool = True,
    until: int | None = None,
) -> Selection:
    """Makes the best of a run's saved snapshots its `best/`: by observed FID, or `by_clean` FID.

    until: leave snapshots of later iterations out.
    Figures that the run's lines hold already are not measured again. Raises `UserError` where there is no snapshot.
    """
    run = Path(run)
    snapshots = snapshots_to_choose_from(run, until)
    resources = with_run_defaults(resources or Resources(), run)
    first = TrainedModel.load(snapshots[0])

    def evaluator(against: Against) -> Evaluator:
        own = replace(protocol, metrics=("fid",), against=against)
        return Evaluator(own, first.about, first.image_size, resources, channels=first.image_channels)

    observed = evaluator("observed")
    clean = evaluator("clean") if by_clean or (show_clean and first.setting.has_clean) else None
    candidates = [
        Candidate(s, fid_of(observed.evaluate(s)), fid_of(clean.evaluate(s)) if clean else None) for s in snapshots
    ]
    chosen, regret = select(run, candidates, by_clean)
    return Selection(candidates, chosen, regret)


def check_run_noise(
    path: str | Path,
    samples: int = 2000,
    seed: int = 0,
    resources: Resources | None = None,
    snapshot: Which = "newest",
    setting: str | None = None,
    model: str | None = None,
) -> tuple[NoiseCheck, Path]:
    """Compares a model's noise with the truth; returns the comparison, and the folder that it belongs to.

    setting, model: instead of what the snapshot says of itself. Raises `UserError`.
    """
    check_seed(seed)
    if samples < 100:
        raise UserError(f"<samples> {samples}: take 100 at least, better 2,000")
    resources = with_run_defaults(resources or Resources(), path)
    trained = TrainedModel.load(path, snapshot=snapshot, setting=setting, model=model).to(resources.device)
    return check_noise(trained, resources, samples, seed), trained.run
