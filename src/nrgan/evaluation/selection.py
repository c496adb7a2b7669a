"""The best snapshot of a run: chosen without clean images, by the FID of observed samples, unless asked otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import nn

from nrgan.errors import UserError
from nrgan.evaluation.evaluate import Evaluator
from nrgan.evaluation.metrics import FID
from nrgan.layout import BEST, saved_snapshots
from nrgan.manifest import check_snapshot
from nrgan.runs import Record, TrainedModel, read_records, save_snapshot
from nrgan.runs.snapshot import add_to_about, read_about
from nrgan.storage import writing_folder


def fid_of(records: Iterable[Record]) -> Record:
    """The record of the Fréchet distance, by which snapshots are chosen; raises `UserError` where there is none."""
    for record in records:
        if record.figure(FID.name) is not None:
            return record
    raise UserError("snapshots are chosen by FID: let `fid` be among the metrics")


def fid(record: Record) -> float:
    """The Fréchet distance in a record; raises `UserError` where it is of another metric."""
    value = fid_of([record]).figure(FID.name)
    assert value is not None
    return value


@dataclass(frozen=True)
class Chosen:
    """Why a snapshot is the best one; kept in its `about.json` under `chosen`."""

    record: Record
    among: int
    """Snapshots that were compared."""

    @property
    def reason(self) -> str:
        """One sentence."""
        (name, value), *_ = self.record.results.items()
        images = "observed samples and noisy images: no clean image was used"
        if self.record.against == "clean":
            images = "samples and clean images"
        return (
            f"iteration {self.record.iteration:,}: lowest {name}, {value:.4g}, of {self.among} evaluated; between"
            f" {self.record.samples:,} {images}"
        )

    def document(self) -> dict[str, object]:
        """As `about.json` keeps it."""
        return {"reason": self.reason, "among": self.among, "record": asdict(self.record)}


def read_chosen(run: Path) -> Chosen | None:
    """Why `best/` was chosen, or None where there is none that can be read."""
    return why_chosen(run / BEST)


def why_chosen(snapshot: Path) -> Chosen | None:
    """Why a snapshot was chosen, as it says itself; None where it was not, or does not say."""
    try:
        document = read_about(snapshot)["chosen"]
        return Chosen(Record(**document["record"]), document["among"])
    except (UserError, KeyError, TypeError):
        return None


class Watch:
    """Evaluates a run while it trains, and keeps its best snapshot so far in `best/`."""

    def __init__(self, evaluator: Evaluator, run: Path) -> None:
        self.evaluator = evaluator
        self.run = run

    def evaluate(self, model: TrainedModel, discriminator: nn.Module) -> list[Record]:
        """The figures of a model, which have been added to the run's lines; the discriminator is kept beside it."""
        records = self.evaluator.measure(model)
        latest, best = fid_of(records), read_chosen(self.run)
        # by this protocol: `best/` may have been chosen by another one
        of_best = None if best is None else self.evaluator.kept(self.run, best.record.iteration)
        if of_best is None or fid(latest) <= fid(fid_of(of_best)):
            chosen = Chosen(latest, len(self._evaluated(latest)))
            pair, about = model.pair, {**model.about.plain(), "chosen": chosen.document()}
            save_snapshot(self.run / BEST, pair.generator, pair.observer.networks(), discriminator, about)
        return records

    def _evaluated(self, like: Record) -> set[int]:
        """The iterations up to this one that were evaluated by the same protocol."""
        return {
            record.iteration
            for record in read_records(self.run)
            if record.iteration <= like.iteration and replace(record, iteration=like.iteration).same_question(like)
        }


@dataclass(frozen=True)
class Candidate:
    """A snapshot with its figures; `clean` is None where there are no clean images to compare with."""

    snapshot: Path
    observed: Record
    clean: Record | None = None


def snapshots_to_choose_from(run: Path, until: int | None = None) -> list[Path]:
    """The snapshots of a run, up to an iteration, oldest first; raises `UserError` where there is none."""
    if not (found := saved_snapshots(run, until)):
        raise UserError(f"{run}: has no snapshots to choose from (train it first; see <snapshot_interval>)")
    return found


def select(run: Path, candidates: list[Candidate], by_clean: bool = False) -> tuple[Candidate, float | None]:
    """Makes the best candidate the run's `best/`. Returns it and the regret of the choice.

    The regret: clean FID of the chosen one, less the lowest clean FID of any; None where no clean figures are known.
    """
    best = min(candidates, key=lambda c: fid(c.clean if by_clean and c.clean else c.observed))
    chosen = Chosen(best.clean if by_clean and best.clean else best.observed, len(candidates))
    with writing_folder(run / BEST) as part:
        shutil.copytree(best.snapshot, part, dirs_exist_ok=True)
        check_snapshot(part)  # or damage would be sealed anew
        add_to_about(part, chosen=chosen.document())
    if best.clean is None:
        return best, None
    lowest = min(fid(c.clean) for c in candidates if c.clean is not None)
    return best, fid(best.clean) - lowest
