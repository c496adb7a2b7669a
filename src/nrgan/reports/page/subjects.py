"""What a page may be about: one row a kind, found by what its folder holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nrgan.data import TrainingData, name_of, open_data
from nrgan.denoising.denoiser import is_denoiser
from nrgan.errors import UserError
from nrgan.evaluation.measure import with_run_defaults
from nrgan.evaluation.protocol import Resources
from nrgan.layout import RUN, expanded, is_snapshot, run_of
from nrgan.reports.diagnosis_files import holds_diagnosis
from nrgan.reports.study_cells import holds_study
from nrgan.runs import TrainedModel
from nrgan.runs.folder import holds_run, read_document

GENERATOR, DENOISER, DIAGNOSIS, STUDY = "run", "denoiser", "diagnosis", "study"


@dataclass(frozen=True)
class Options:
    """What a page is made with."""

    training_images: bool = False
    """Whether images that somebody trained on may be in the page."""
    cheap: bool = False
    """Whether only what the folder holds is shown, and nothing is computed: while a run is trained."""
    resources: Resources = field(default_factory=Resources)
    pictures: int = 0
    """Bytes that all pictures of a subject may have before they are packed; each section takes a share of them."""


@dataclass(frozen=True)
class Subject:
    """Something that a page is about. `path` is as it was named: the folder itself, or a snapshot of a run."""

    kind: str
    name: str
    path: Path
    options: Options

    @cached_property
    def folder(self) -> Path:
        """The run of a snapshot; else the folder itself."""
        return run_of(self.path)

    @cached_property
    def document(self) -> dict[str, Any]:
        """What `run.json` says; empty for what is no run. Raises `UserError` where it cannot be read."""
        is_run = self.kind in (GENERATOR, DENOISER) and not is_snapshot(self.folder)
        return read_document(self.folder) if is_run else {}

    @property
    def config(self) -> dict[str, Any]:
        """The options of the run."""
        return dict(self.document.get("config", {}))

    @property
    def resources(self) -> Resources:
        """Where to compute, and where the images of its training lie."""
        return with_run_defaults(self.options.resources, self.folder)

    @cached_property
    def model(self) -> TrainedModel:
        """The generator of a run at its best snapshot, or at the one that was named. Raises `UserError`."""
        return TrainedModel.load(self.path).to(self.resources.device)

    @cached_property
    def data(self) -> TrainingData:
        """What its generator was trained on, opened once for all sections: files of the user's own are all read then.

        Raises `UserError` where it is not to be had.
        """
        choice, resources = self.model.about.data(self.model.image_size), self.resources
        return open_data(choice, resources.data_root, resources.cache, resources.preparing)


def _is_denoiser(folder: Path) -> bool:
    if is_denoiser(folder):
        return True
    return (folder / RUN).is_file() and "denoiser" in read_document(folder)  # one that is not trained to its end


def _is_run(folder: Path) -> bool:
    return (folder / RUN).is_file() or holds_run(folder) or is_snapshot(folder)


KINDS: dict[str, Callable[[Path], bool]] = {
    DENOISER: _is_denoiser,
    GENERATOR: _is_run,
    DIAGNOSIS: holds_diagnosis,
    STUDY: holds_study,
}
"""Kind → whether a folder holds one; the first that does counts."""


def subjects_of(paths: Sequence[str | Path], options: Options) -> list[Subject]:
    """What lies at each path, under names that tell them apart. Raises `UserError` where nothing known does."""
    found: list[Subject] = []
    for path in (expanded(Path(path)) for path in paths):
        if not path.exists():
            raise UserError(f"{path}: there is no such folder")
        kind = next((kind for kind, holds in KINDS.items() if holds(path)), None)
        if kind is None:
            raise UserError(f"{path}: holds no {', '.join(KINDS)}: give the folder of one")
        folder = run_of(path)
        name = name_of(path) if folder == path else f"{name_of(folder)}/{path.name}"
        taken = [subject.name for subject in found]
        number = next(k for k in range(1, len(paths) + 2) if _numbered(name, k) not in taken)
        found.append(Subject(kind, _numbered(name, number), path, options))
        _ = found[-1].document  # refuses a run that cannot be read, before anything is made
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"
