"""From noisy files to clean ones: by the denoiser that is there, or by one that is trained first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nrgan.data import OWN, OwnData, TrainingData
from nrgan.denoising.choosing import CANDIDATES, LEARNED, NLM, candidate, words_of_gap
from nrgan.denoising.classical import classical_without_law, level_without_law
from nrgan.denoising.config import AUTO, DEFAULTS, DenoiserConfig
from nrgan.denoising.denoiser import Denoiser, ExpectedError, is_denoiser, named
from nrgan.denoising.mapping import Mapping
from nrgan.denoising.material import NoiseFound, NoLaw, images_of, noise_of, open_images
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
        if config.data.corrupt is not None:
            raise UserError(f"<corrupt> {config.data.corrupt}: would add noise; files are denoised as they are")
        if config.data.fit == "resize":
            raise UserError("<fit> resize: changes the noise; leave it out, or take crop or tiles")
        self.folder = self._denoiser_folder()
        self._data: TrainingData | None = None
        self._noise: NoiseFound | None = None
        self._why: NoLaw | None = None

    def _denoiser_folder(self) -> Path:
        """Where the denoiser is, or will be."""
        by = self.options.by
        if by is None or not is_denoiser(by):
            return self.config.out
        return by

    @property
    def trained_here(self) -> bool:
        """Whether the denoiser is, or will be, one of the images themselves."""
        return self.options.by is None

    def training(self) -> Prepared | None:
        """What is to be trained first, ready to run (`nrgan.denoising.train.run`); None where nothing is.

        The folder for the files is looked at before, so that nothing is trained for one that cannot be written to.
        """
        method = self.config.training.method
        if method != NLM and is_denoiser(self.folder):
            if self.folder == self.config.out:
                identity = self._config_of_training().identity()
                check_same_run(read_config(self.folder), identity, DEFAULTS, self.folder)
            return None
        if self.trained_here or method == NLM:
            data = self.images()
            self._check_files(data.value_range, data.channels)
        if method == NLM:
            return None
        opened = self.images() if self.trained_here else None
        try:
            prepared = prepare(self._config_of_training(), True, False, self._preparing, self._begun, opened)
        except NoLaw as error:
            if method != AUTO:
                raise
            self._why = error
            return None
        if not self.trained_here:  # the run says what its images are like
            of_run = prepared.material.data
            try:
                self._check_files(of_run.value_range, of_run.channels)
            except UserError:
                prepared.close()
                raise
        return prepared

    def _config_of_training(self) -> DenoiserConfig:
        """Of the images, or of the run that was given."""
        return self.config if self.trained_here else self.config.replaced(images=str(self.options.by))

    def _check_files(self, value_range: ValueRange, channels: int) -> None:
        """Raises `UserError` where a denoiser of such images could not write these files."""
        restoring = self._restoring(value_range, channels, _YET_TO_BE, self.config.training.uncertainty)
        planned(self._frames(), self.options.out, restoring, self.options.overwrite)

    def images(self, value_range: ValueRange | None = None) -> TrainingData:
        """The images that are to be denoised, as squares; value_range: which values are 0 and 1, if not their own."""
        if images_of(self.config).source != OWN:
            raise UserError(f"{self.config.images}: is the name of a setting; give files of your own")
        if self._data is None or value_range not in (None, self._data.value_range):
            config = self.config if value_range is None else self.config.replaced(value_range=value_range.spec)
            keep_bytes = memory_for_data(choose_device(self.config.machine.device)) // 2
            self._data = open_images(config, None, self._preparing, keep_bytes)
        return self._data

    def _frames(self) -> FrameSet:
        """The images that are to be denoised, as they are; of a denoiser that is there they may have any size."""
        if self._data is not None or self.trained_here:
            data = self.images()
            assert isinstance(data, OwnData)
            return data.patches.frames
        choice, prepared = images_of(self.config), self._preparing
        advance = prepared(f"the list of images in {choice.name}", 0) if prepared else None
        frames = open_frames(choice.name, choice.skip_corrupt, advance, wanted=choice.wanted)
        return mended(frames, choice.mending, prepared)

    def chosen(self) -> Chosen:
        """What the files are denoised by, once everything is trained."""
        if self.config.training.method == NLM or self._why is not None:
            return self._without_learning()
        f = Denoiser.load(self.folder).to(choose_device(self.config.machine.device))
        about = f.about
        said = f"the denoiser in {self.folder} ({about.method}{f', {about.rule}' if about.rule else ''})"
        if (gap := words_of_gap(about.chosen)) is not None:
            said += f"; {gap}"
        name = about.chosen.get("chosen", LEARNED)
        if name != LEARNED and about.law is not None:
            mapping, what = candidate(name, about.law), CANDIDATES[name]
            words = self._with_errors_untold(f"{what}: on held-out images its risk is clearly less than that of {said}")
            return Chosen(mapping, None, f"{name} {about.noise}", about.value_range, f.channels, words)
        errors = None
        if self.config.training.uncertainty:
            errors, why = f.expected_error()
            said += "" if why is None else f"; no expected errors are written: {why}"
        weights = sha256(find_snapshot(self.folder) / WEIGHTS)
        return Chosen(f, errors, weights, about.value_range, f.channels, said)

    def _with_errors_untold(self, words: str) -> str:
        if not self.config.training.uncertainty:
            return words
        return f"{words}; no expected errors are written, which only a learned denoiser tells"

    def noise(self) -> NoiseFound:
        """Of the images, as it is told, or else diagnosed, once."""
        if self._noise is None:
            self._noise = noise_of(self.config, self.images())
        return self._noise

    def _without_learning(self) -> Chosen:
        """Non-local means, with the level that was told, or else with one that is measured on all images at once."""
        data, law = self.images(), None
        if self._why is None:
            law = self.noise().law
        if law is not None:
            mapping, name = candidate(NLM, law), f"{NLM} {self.noise().plain()['law']}"
            words = f"{CANDIDATES[NLM]}, with the noise that was found"
        else:
            level = level_without_law(data)
            mapping, name = classical_without_law(NLM, level), f"{NLM} {level:.6g}"
            why = f": {self._why}" if self._why is not None else ""
            words = f"{CANDIDATES[NLM]} with the level {level:.3g} of 255, for no law here has this noise{why}"
        return Chosen(mapping, None, name, data.value_range, data.channels, self._with_errors_untold(words))

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

    by: a denoiser's folder, or a run; or hf://owner/name, one of the Hub. strength: s of s·f(y) + (1 − s)·y. training:
    options of `DenoiserConfig`, such as minutes or noise. What is done already is not done again. Raises `UserError`
    where it cannot be.
    """
    config = DenoiserConfig(images=str(images), out=beside(Path(out)), **training)
    options = DenoiseOptions(Path(out), None if by is None else named(by), strength, dtype, overwrite)
    work = Denoising(config, options, preparing)
    if (prepared := work.training()) is not None:
        for _ in run(prepared):
            pass
    chosen = work.chosen()
    return work.write(chosen, work.plan(chosen))


def beside(out: Path) -> Path:
    """Where the denoiser of these files is trained."""
    return out.with_name(f"{out.name}-denoiser")
