"""What is shared of a model: written anew from what was loaded and checked, so that nothing else comes along."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nrgan.denoising.denoiser import Denoiser, is_denoiser, save_denoiser
from nrgan.errors import UserError
from nrgan.evaluation.selection import Chosen, why_chosen
from nrgan.layout import NOISE_CHECK, SHARED_DENOISER, find_snapshot
from nrgan.reading import read_json
from nrgan.runs import Record, TrainedModel, read_records, save_snapshot


@dataclass(frozen=True)
class Contents:
    """A generator with its observer, a denoiser, or both; and the figures that there are about them."""

    model: TrainedModel | None
    denoiser: Denoiser | None
    chosen: Chosen | None = None
    """Why this snapshot of the generator."""
    records: tuple[Record, ...] = ()
    """The generator's figures, the last one of each question."""
    noise: dict[str, float] = field(default_factory=dict)
    """How far the model's noise is from the true one, as `check-noise` found it."""

    @classmethod
    def load(cls, path: str | Path, denoiser: str | Path | None = None) -> Contents:
        """Of a run or a snapshot (its best one where one is known), with a denoiser; or of a denoiser alone.

        Raises `UserError` where they cannot be loaded.
        """
        path = Path(path)
        if is_denoiser(path):
            if denoiser is not None:
                raise UserError(f"<denoiser> {denoiser}: {path} is a denoiser itself; give the run, or leave this out")
            return cls(None, Denoiser.load(path))
        snapshot = find_snapshot(path)
        model = TrainedModel.load(snapshot)
        beside = None if denoiser is None else Denoiser.load(denoiser)
        if beside is not None and beside.channels != model.image_channels:
            raise UserError(
                f"<denoiser> {denoiser}: takes images of {beside.channels} channels, and those of {path} have "
                f"{model.image_channels}; give the denoiser of these images"
            )
        chosen = why_chosen(snapshot)
        return cls(model, beside, chosen, _records(model, chosen), _noise_differences(model))

    def write(self, folder: Path) -> None:
        """Writes the snapshots into a new folder: a denoiser beside a generator in a folder of its own."""
        if self.model is not None:
            pair, about = self.model.pair, self.model.about.plain()
            why = {} if self.chosen is None else {"chosen": self.chosen.document()}
            save_snapshot(folder, pair.generator, pair.observer.networks(), None, about | why)
        if self.denoiser is not None:
            place = folder if self.model is None else folder / SHARED_DENOISER
            save_denoiser(place, self.denoiser.network, self.denoiser.about, self.denoiser.error_network)


def _records(model: TrainedModel, chosen: Chosen | None) -> tuple[Record, ...]:
    """Of the snapshot, the last one of each question; with the one that it was chosen by."""
    of_snapshot = [] if chosen is None else [chosen.record]
    of_snapshot += [record for record in read_records(model.run) if record.iteration == model.about.iteration]
    return tuple(
        record
        for number, record in enumerate(of_snapshot)
        if not any(later.same_question(record) for later in of_snapshot[number + 1 :])
    )


def _noise_differences(model: TrainedModel) -> dict[str, float]:
    try:
        found = read_json(model.run / f"{NOISE_CHECK}.json")
        same = (found["model"], found["iteration"]) == (model.about.model, model.about.iteration)
        return {str(name): float(value) for name, value in found["differences"].items()} if same else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
