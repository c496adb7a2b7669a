"""From noisy files to clean ones: by the denoiser that is there, or by one that is trained first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nrgan.data import OWN, OwnData, TrainingData
from nrgan.denoising.choosing import LEARNED, NLM, words_of_gap
from nrgan.denoising.classical import classical, classical_without_law, level_without_law
from nrgan.denoising.config import AUTO, DEFAULTS, DenoiserConfig
from nrgan.denoising.denoiser import Denoiser, ExpectedError, is_denoiser
from nrgan.denoising.mapping import Mapping
from nrgan.denoising.material import NoLaw, choice_of, noise_of, open_images
from nrgan.denoising.restore import Restored, restore
from nrgan.denoising.restore_plan import Plan, Restoring, planned
from nrgan.denoising.train import Prepared, prepare, run
from nrgan.errors import UserError
from nrgan.frames import FrameSet, ValueRange, mended, open_frames
from nrgan.layout import WEIGHTS, find_snapshot
from nrgan.limits import OutputType
from nrgan.progress import Preparing
from nrgan.reading import sha256
from nrgan.runs.folder import read_config
from nrgan.runs.identity import check_same_run
from nrgan.training.device import choose_device, memory_for_data

_YET_TO_BE = "yet to be trained"


@dataclass(frozen=True)
class DenoiseOptions:
    """How files are written, and by what; the images, and how a denoiser is trained, are a `DenoiserConfig`'s."""

    out: Path
    by: Path | None = None
    """A denoiser, or a run that one is trained of; None: it is trained of the images."""
    strength: float = 1.0
    dtype: OutputType = "same"
    overwrite: bool = False


@dataclass(frozen=True)
class Chosen:
    """What files are denoised by."""

    mapping: Mapping
    errors: ExpectedError | None
    name: str
    """What tells it from others: files that it made are not made again."""
    value_range: ValueRange
    channels: int
    words: str
    """What it is, and why."""


class Denoising:
    """One command: `training()` first, where it is not None, then `write()`. Raises `UserError` where it cannot be.

    config: of the images; `config.out` is where a denoiser is trained that is not there yet.
    """

    def __init__(
        self,
        config: DenoiserConfig,
        options: DenoiseOptions,
        preparing: Preparing | None = None,
        begun: float | None = None,
    ) -> None:
        self.config, self.options, self._preparing, self._begun = config, options, preparing, begun
        self.folder = self._denoiser_folder()
        self._data: TrainingData | None = None
        self._why: NoLaw | None = None
        self._prepared: Prepared | None = None

    def _denoiser_folder(self) -> Path:
        """Where the denoiser is, or will be."""
        by = self.options.by
        if by is None or not is_denoiser(by):
            return self.config.out
        return by

    @property
    def _own_config(self) -> DenoiserConfig:
        """Of the training: of the run that was given, or of the images."""
        by = self.options.by
        return self.config if by is None or is_denoiser(by) else self.config.replaced(images=str(by))

    def training(self) -> Prepared | None:
        """What is to be trained first, ready to run (`nrgan.denoising.train.run`); None where nothing is.

        The folder for the files is looked at before, so that nothing is trained for one that cannot be written to.
        """
        if self._prepared is not None:
            return self._prepared
        config = self._own_config
        if config.training.method != NLM and is_denoiser(self.folder):
            if self.folder == self.config.out:
                check_same_run(read_config(self.folder), config.identity(), DEFAULTS, self.folder)
            return None
        data, errors = self.images(), config.training.uncertainty
        restoring = self._restoring(data.value_range, data.channels, _YET_TO_BE, errors)
        planned(self._frames(), self.options.out, restoring, self.options.overwrite)
        if config.training.method == NLM:
            return None
        opened = data if config is self.config else None
        try:
            self._prepared = prepare(config, True, False, self._preparing, self._begun, opened)
        except NoLaw as error:
            if config.training.method != AUTO:
                raise
            self._why = error
        return self._prepared

    def images(self) -> TrainingData:
        """The images that are to be denoised, as squares."""
        if self._data is None:
            if choice_of(self.config).source != OWN:
                raise UserError(f"{self.config.images}: is the name of a setting; give files of your own")
            keep_bytes = memory_for_data(choose_device(self.config.machine.device)) // 2
            self._data = open_images(self.config, None, self._preparing, keep_bytes)
        return self._data

    def _frames(self) -> FrameSet:
        """The images that are to be denoised, as they are; of a denoiser that is there they may have any size."""
        if self._data is not None or not is_denoiser(self.folder):
            data = self.images()
            assert isinstance(data, OwnData)
            return data.patches.frames
        choice, prepared = choice_of(self.config), self._preparing
        advance = prepared(f"the list of images in {choice.name}", 0) if prepared else None
        frames = open_frames(choice.name, choice.skip_corrupt, advance, wanted=choice.wanted)
        return mended(frames, choice.mending, prepared)

    def chosen(self) -> Chosen:
        """What the files are denoised by, once everything is trained."""
        self._prepared = None
        if self.config.training.method == NLM or self._why is not None:
            return self._without_learning()
        f = Denoiser.load(self.folder).to(choose_device(self.config.machine.device))
        about = f.about
        said = f"the denoiser in {self.folder} ({about.method}{f', {about.rule}' if about.rule else ''})"
        if (gap := words_of_gap(about.chosen)) is not None:
            said += f"; {gap}"
        if about.chosen.get("chosen", LEARNED) == NLM and about.law is not None:
            why = f"{NLM}: on held-out images its risk is clearly less than that of {said}"
            if self.config.training.uncertainty:
                why += f"; {NLM} does not tell its errors, so that no second files are written"
            name = _of_law(NLM, about.noise)
            return Chosen(classical(NLM, about.law), None, name, about.value_range, f.channels, why)
        errors = ExpectedError(f) if self.config.training.uncertainty else None
        name = sha256(find_snapshot(self.folder) / WEIGHTS)
        return Chosen(f, errors, name, about.value_range, f.channels, said)

    def _without_learning(self) -> Chosen:
        """Non-local means, with the level that was told, or else with one that is measured on all images at once."""
        data = self.images()
        noise = noise_of(self.config, data)
        if self.config.training.uncertainty:
            raise UserError(f"<uncertainty>: {NLM} does not tell its errors; leave it out")
        if noise.law is not None:
            words = f"{NLM}, with the noise that was {'told' if noise.level_error is None else 'diagnosed'}"
            mapping: Mapping = classical(NLM, noise.law)
            return Chosen(mapping, None, _of_law(NLM, noise.plain()["law"]), data.value_range, data.channels, words)
        level = level_without_law(data)
        why = f": {self._why}" if self._why is not None else ""
        words = f"{NLM} with the level {level:.3g} of 255, for no law here has this noise{why}"
        mapping = classical_without_law(NLM, level)
        return Chosen(mapping, None, f"{NLM} {level:.6g}", data.value_range, data.channels, words)

    def _restoring(self, value_range: ValueRange, channels: int, name: str, errors: bool) -> Restoring:
        options = self.options
        return Restoring(
            value_range=value_range,
            channels=channels,
            denoiser=name,
            strength=options.strength,
            dtype=options.dtype,
            errors=errors,
        )

    def plan(self, chosen: Chosen) -> Plan:
        """What will be written, said before it is."""
        restoring = self._restoring(chosen.value_range, chosen.channels, chosen.name, chosen.errors is not None)
        return planned(self._frames(), self.options.out, restoring, self.options.overwrite)

    def write(self, chosen: Chosen, plan: Plan) -> Restored:
        """Writes the files that are not done."""
        return restore(plan, chosen.mapping, chosen.errors, self._preparing)


def _of_law(method: str, law: dict[str, Any] | None) -> str:
    return f"{method} {law}"


def denoise(
    images: str | Path,
    out: str | Path,
    *,
    by: str | Path | None = None,
    strength: float = 1.0,
    dtype: OutputType = "same",
    overwrite: bool = False,
    preparing: Preparing | None = None,
    **training: Any,
) -> Restored:
    """Denoises files: trains a denoiser in `OUT-denoiser` where none is given or there, then writes files like them.

    by: a denoiser's folder, or a run. strength: s of s·f(y) + (1 − s)·y. training: options of `DenoiserConfig`, such as
    minutes or noise. What is done already is not done again. Raises `UserError` where it cannot be.
    """
    config = DenoiserConfig(images=str(images), out=beside(Path(out)), **training)
    options = DenoiseOptions(Path(out), None if by is None else Path(by), strength, dtype, overwrite)
    work = Denoising(config, options, preparing)
    if (prepared := work.training()) is not None:
        for _ in run(prepared):
            pass
    chosen = work.chosen()
    return work.write(chosen, work.plan(chosen))


def beside(out: Path) -> Path:
    """Where the denoiser of these files is trained."""
    return out.with_name(f"{out.name}-denoiser")
