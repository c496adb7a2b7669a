"""The verbs for one's own images: diagnose, generate."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from nrgan.errors import UserError
from nrgan.layout import Which
from nrgan.limits import FileFormat
from nrgan.training.config import TrainConfig, option_name

if TYPE_CHECKING:
    from nrgan.data import DataChoice
    from nrgan.diagnosis import Dark, Diagnosed


@dataclass
class Diagnose:
    """Tell from noisy images alone what their noise is like, and which model fits it: nrgan diagnose scans/"""

    path: Annotated[str, tyro.conf.arg(metavar="PATH")]
    """Your own images, as for train; or the name of a setting."""
    out: Path | None = None
    """A folder for diagnosis.json and diagnosis.png; PATH-diagnosis here if not given."""
    images: int = 2000
    """Images (or tiles) that are looked at, at most."""
    size: Annotated[int | None, tyro.conf.arg(aliases=["--image-size"])] = None
    """Side of the images in pixels, a multiple of 8; their own, or tiles of 64, if not given."""
    fit: Literal["auto", "crop", "tiles"] = "auto"
    """How images come to that size: the middle is cut out; or cut into overlapping tiles; auto: whichever gives
    enough."""
    value_range: Annotated[str, tyro.conf.arg(name=option_name("value_range"))] = "auto"
    """Which values are black and white: auto, LOW,HIGH, or percentiles such as p0.1,p99.9."""
    axes: str | None = None
    """What the axes of arrays are, a letter each, where the files do not say it: such as TZYX."""
    frames: str | None = None
    """Which images are used, by numbers along their axes, from 0: such as T=0:50,Z=3."""
    image_channels: Annotated[str | None, tyro.conf.arg(aliases=["--channels"])] = None
    """Which channels are used, by numbers from 0 or by names: such as 0,2 or DAPI."""
    mend: str | None = None
    """Repairs as the images are read, with commas: fixed-pattern, hot-pixels, impulses, stripes; the files stay."""
    dark: str | None = None
    """Frames without light: they tell the offset and the read noise; also for --mend fixed-pattern and hot-pixels."""
    flat: str | None = None
    """Frames of even light, for --mend fixed-pattern, with --dark."""
    offset: float | None = None
    """The value without light, where you know it: it tells the read noise, as --dark does."""
    save: Path | None = None
    """A noise file to write besides, for train --noise: of the law that was found."""
    skip_corrupt: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave images out that cannot be read."""
    data_root: Path | None = None
    """For a CIFAR-10 setting: a folder with cifar-10-batches-py/ or its archive."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.diagnosis import diagnose
        from nrgan.reports.diagnosis_files import check_diagnosis_files, write_diagnosis
        from nrgan.reports.diagnosis_table import diagnosis_table
        from nrgan.reports.tables import show

        choice = self._choice()
        out = self.out or Path(f"{_name_of(self.path)}-diagnosis")
        check_diagnosis_files(out, self.save)
        with Display() as display:
            found = diagnose(choice, self.images, self.data_root, display.preparing, dark=self._without_light())
            figure = write_diagnosis(found, out, self.save)
            for note in found.notes:
                display.say(f"note: {note}")
        show(diagnosis_table(found.diagnosis, found.advice))
        if (clean := self._denoising(found)) is not None:
            print(f"clean images of these: {shlex.join(['nrgan', 'denoise', *clean])}")
        print(f"Look at {figure}; train with: {shlex.join(['nrgan', 'train', *self._training(found, out)])}")
        return 0

    def _choice(self) -> DataChoice:
        from nrgan.frames import Mending, Wanted
        from nrgan.settings import choose_data

        # without repairs, frames without light tell of the noise alone
        references = (self.dark, self.flat) if self.mend is not None else (None, self.flat)
        return choose_data(
            self.path,
            self.size,
            fit=self.fit,
            value_range=self.value_range,
            skip_corrupt=self.skip_corrupt,
            wanted=Wanted(self.axes, self.frames, self.image_channels),
            mending=Mending.of(self.mend, *references),
        )

    def _without_light(self) -> Dark | None:
        from nrgan.diagnosis import Dark, dark_frames

        if self.dark is not None and self.offset is not None:
            raise UserError("<offset>: <dark> frames tell it; give one of them")
        if self.dark is not None:
            return dark_frames(self.dark)
        return None if self.offset is None else Dark(self.offset)

    def _denoising(self, found: Diagnosed) -> list[str] | None:
        """The arguments of the denoising that is proposed; None where there is no noise whose law is known."""
        from nrgan.data import OWN

        if found.choice.source != OWN or found.advice.law is None:
            return None
        mends = ",".join([*(self.mend.split(",") if self.mend else []), *found.advice.mends])
        given = {name: getattr(self, name) for name in _OF_FILES} | {"mend": mends or None}
        options = [[f"--{option_name(name)}", value] for name, value in given.items() if value is not None]
        left_out = ["--skip-corrupt"] if self.skip_corrupt else []
        spelt = [word for option in options for word in option if option[1] != "auto"]
        return [self.path, str(_free_name(f"{_name_of(self.path)}-clean")), *spelt, *left_out]

    def _training(self, found: Diagnosed, out: Path) -> list[str]:
        """The arguments of the training that is proposed."""
        from nrgan.data import OWN
        from nrgan.diagnosis import COMPOSED, FITTED
        from nrgan.reports.diagnosis_files import noise_file

        looked_at, own, advice = found.choice, found.choice.source == OWN, found.advice
        told = own and advice.chosen == FITTED
        composition = asdict(advice.composed) if advice.chosen == COMPOSED and advice.composed is not None else {}
        config = TrainConfig(
            setting=self.path,
            model=advice.published if advice.chosen == FITTED and not own else advice.model,
            out=_free_name(f"{_name_of(self.path)}-run"),
            # the side of tiles is left to the time that there is
            image_size=looked_at.image_size if own and looked_at.fit != "tiles" else self.size,
            fit=looked_at.fit,
            value_range=self.value_range,
            axes=self.axes,
            frames=self.frames,
            image_channels=self.image_channels,
            mend=",".join([*(self.mend.split(",") if self.mend else []), *advice.mends]) or None,
            dark=self.dark if self.mend is not None else None,
            flat=self.flat,
            noise=str(self.save or noise_file(out)) if told else None,
            skip_corrupt=self.skip_corrupt,
            data_root=None if own else self.data_root,
            minutes=_MINUTES if own else None,
            **composition,
        )
        return config.command_line()


@dataclass
class Generate:
    """Write generated images in the data's own type and range: nrgan generate outputs --count 1000 --out images"""

    path: Annotated[Path, tyro.conf.arg(metavar="RUN_OR_SNAPSHOT")]
    """A run, or one snapshot folder."""
    snapshot: Which = "best"
    """Of a run: the best one where one is known, else the newest; or the newest in any case."""
    out: Path = Path("generated")
    """A new folder to write to."""
    count: int = 100
    """How many images."""
    seed: int = 0
    """Of the series of images; image i of a seed is always the same one."""
    first: int = 0
    """Number of the first image, to make some of them again."""
    format: FileFormat = "auto"
    """auto: PNG where it can hold the type and the channels, else TIFF."""
    extras: Annotated[str, tyro.conf.arg(name="with")] = ""
    """What to write beside each image: noise (float32), noisy (the image with that noise), or noise,noisy."""
    setting: str | None = None
    """What an imported snapshot was trained on."""
    model: str | None = None
    """Which model an imported snapshot is of."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:N or mps."""

    def run(self) -> int:
        from nrgan.cli.display import Display
        from nrgan.runs.generate import generate
        from nrgan.training.device import choose_device

        with Display() as display:
            generate(
                self.path,
                self.out,
                self.count,
                seed=self.seed,
                first=self.first,
                file_format=self.format,
                extras=tuple(name for name in self.extras.split(",") if name),
                snapshot=self.snapshot,
                setting=self.setting,
                model=self.model,
                device=choose_device(self.device),
                preparing=display.preparing,
            )
        print(f"wrote {self.count:,} images to {self.out}; image N again: --first N --count 1 --seed {self.seed}")
        return 0


_OF_FILES = ("value_range", "axes", "frames", "image_channels", "dark", "flat")
"""Options of how files are read, beside repairs."""
_MINUTES = 20
"""Of the training that is proposed: enough to see whether it is worth a longer one."""


def _free_name(name: str) -> Path:
    """A folder of that name that is not there yet."""
    numbered = (Path(f"{name}-{number}" if number > 1 else name) for number in itertools.count(1))
    return next(path for path in numbered if not path.exists())


def _name_of(path: str) -> str:
    """What a path is about, for a folder's name: a file's without its ending, else the last part that is no pattern."""
    absolute = Path(path).absolute()
    if absolute.is_file():
        return absolute.stem
    plain = [part for part in absolute.parts if not set("*?[{") & set(part)]
    return plain[-1].strip("/") or "images"
