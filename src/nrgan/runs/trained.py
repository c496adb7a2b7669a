"""A trained model: a generator, with the observer that it was trained with, at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.corruptions import Corruption
from nrgan.draws import FreshDraws
from nrgan.errors import UserError, first_line
from nrgan.frames import ValueRange
from nrgan.layout import Which, find_snapshot, run_of
from nrgan.manifest import check_snapshot
from nrgan.models import find_model
from nrgan.networks import Family, find_family, sizes_of
from nrgan.networks.sampling import CHUNK, check_seed, chunks, in_double, latents, place_of, sample
from nrgan.observation import GeneratorPair, Model, NoiseSampler, Observation
from nrgan.pretrained import check_weights, find_pretrained, sketched
from nrgan.ranges import nhwc, stored_from_signed, unit_difference, unit_from_signed
from nrgan.runs.folder import read_config
from nrgan.runs.snapshot import PLACES, SnapshotMetadata, generator_sizes, load_network, read_metadata
from nrgan.settings import Setting

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class GeneratedImage:
    """One generated image in the data's own values, (H, W, C), with its noise (float32) and itself with that noise.

    Clean, it is of the data's type, or float32 where that has few levels in the range (`ValueRange.of_clean`).
    """

    index: int
    clean: Array
    noise: Array | None
    noisy: Array


@dataclass(frozen=True)
class TrainedModel:
    """A generator and its observer; `run` is the folder that figures about them belong to."""

    pair: GeneratorPair
    about: SnapshotMetadata
    setting: Setting
    run: Path

    @classmethod
    def from_pretrained(cls, name: str | Path, snapshot: Which = "best", **options: Any) -> TrainedModel:
        """Like `load`, also of the Hub, as hf://owner/name or owner/name: see `nrgan.pretrained.find_pretrained`."""
        return cls.load(find_pretrained(name, snapshot, **options))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        snapshot: Which = "best",
        setting: str | None = None,
        model: str | Model | None = None,
        network: Family | None = None,
        corruption: Corruption | None = None,
    ) -> TrainedModel:
        """Of a snapshot folder, or of a run: its best snapshot where one is known, else its newest.

        setting, model: instead of what the snapshot says of itself. model, network, corruption: the objects of one's
        own that it was trained with, if any. Raises `UserError` where there is none, or it is cut short.
        """
        folder = find_snapshot(Path(path), snapshot)
        check_snapshot(folder)
        name = model if isinstance(model, str) else "given" if model is not None else None
        about = read_metadata(folder, setting, name)
        _check_objects(folder, about, {"model": isinstance(model, Model), "network": network is not None})
        run = run_of(folder)
        if setting is None and about.own:
            about = _with_places(about, run)
        found = about.found_setting(corruption)
        _check_range(folder, about, generator_sizes(folder).image_channels)
        row = model if isinstance(model, Model) else find_model(about.model, found, about.composition)
        family, sizes = network or find_family(about.network), generator_sizes(folder)
        try:
            if (sketch := sketched(lambda: GeneratorPair.untrained(family, sizes, row, found))) is not None:
                check_weights(sketch.generator, folder)
                for name_, part in sketch.observer.networks().items():
                    check_weights(part, folder / name_)
            pair = GeneratorPair.untrained(family, sizes, row, found)
        except (ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"{folder}: no such network can be made ({first_line(error)})") from error
        load_network(pair.generator, folder)
        for name_, part in pair.observer.networks().items():
            load_network(part, folder / name_)
        return cls(pair.eval().requires_grad_(False), about, found, run)

    def to(self, device: torch.device | str) -> TrainedModel:
        """Itself, moved to a device."""
        self.pair.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return place_of(self.pair)[0]

    @property
    def image_size(self) -> int:
        """Side of its images in pixels."""
        return sizes_of(self.pair.generator).image_size

    @property
    def image_channels(self) -> int:
        """Channels of its images."""
        return sizes_of(self.pair.generator).image_channels

    @property
    def value_range(self) -> ValueRange:
        """The range of the data's own values."""
        return self.about.value_range

    @property
    def sampler(self) -> NoiseSampler | None:
        """Draws noise for images, known or learned; None for a model that adds none."""
        observer = self.pair.observer
        return observer if isinstance(observer, NoiseSampler) else None

    def sample(self, n: int, seed: int = 0, first: int = 0) -> npt.NDArray[np.uint8]:
        """`n` clean images, (n, H, W, C) uint8, of the whole range; image i depends on (seed, i) alone."""
        return sample(self.pair.generator, n, seed, first)

    @torch.no_grad()
    def observe(self, seed: int, chunk: range) -> Observation:
        """A whole chunk of 100 images of a seed, observed; the draws are the chunk's own."""
        device, dtype = place_of(self.pair)
        z = latents(seed, chunk, sizes_of(self.pair.generator).latent_size).to(device, dtype)
        of_chunk = np.random.SeedSequence([seed, chunk.start // CHUNK]).generate_state(1, np.uint64)[0]
        rng = torch.Generator(device).manual_seed(int(of_chunk) >> 1)
        observation: Observation = self.pair.observer(self.pair.generator(z), z, FreshDraws(rng, dtype=dtype))
        return observation

    def images(self, seed: int, n: int, observed: bool, first: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
        """`n` images from number `first` (a multiple of 100) on, (≤ 100, H, W, C) uint8 at a time, in single precision.

        Clean, or as `observed`: with their noise, clipped and rounded to 8 bits as the data are.
        """
        for chunk in chunks(first, n):
            parts = self.observe(seed, chunk).parts
            images = stored_from_signed(self.setting.sensor.rounded(parts["noisy"]) if observed else parts["clean"])
            yield images[: first + n - chunk.start]

    def in_own_values(self, seed: int, count: int, first: int = 0) -> Iterator[GeneratedImage]:
        """Images `first` … `first + count − 1` of a seed, in the data's own range and type.

        Image i depends on (seed, i) alone. The noise is a difference, in the data's units, as float32.
        """
        check_seed(seed)
        # in double precision: single's last bits differ from process to process, and 16-bit values show it
        exact, values = replace(self, pair=in_double(self.pair)), self.value_range
        for chunk in chunks(first, count):
            seen = exact.observe(seed, chunk).parts
            # contiguous, as writers of files want them: a family may lay images out as it likes
            parts = {name: np.ascontiguousarray(nhwc(part.cpu().float().numpy())) for name, part in seen.items()}
            clean, noisy = (
                unit_from_signed(parts["clean"]),
                self.setting.sensor.stored(unit_from_signed(parts["noisy"])),
            )
            noise = values.difference_from_unit(unit_difference(parts["noise"])) if "noise" in parts else None
            for k, index in enumerate(chunk):
                if first <= index < first + count:
                    own_noise = None if noise is None else noise[k]
                    own_clean = values.of_clean.from_unit(clean[k])
                    yield GeneratedImage(index, own_clean, own_noise, values.from_unit(noisy[k]))


def _with_places(about: SnapshotMetadata, run: Path) -> SnapshotMetadata:
    """With the whole paths of the user's own files, which the run's folder has and its snapshots have not."""
    try:
        config = read_config(run)
    except UserError:  # a snapshot on its own, or of an older version
        return about
    return replace(about, **{name: config[name] for name in PLACES if config.get(name) is not None})


def _check_range(folder: Path, about: SnapshotMetadata, channels: int) -> None:
    """Raises `UserError` where black and white are no range of images of so many channels."""
    if len(about.value_range.low) not in (1, channels):
        raise UserError(f"{folder}: its range {about.low}, {about.high} is none of images of {channels} channels")


def _check_objects(folder: Path, about: SnapshotMetadata, given: dict[str, bool]) -> None:
    """Raises `UserError` where it was trained with objects of the user's own that are not given."""
    if missing := [name for name, there in given.items() if name in about.objects and not there]:
        said = ", ".join(f"{name}={about.objects[name]}" for name in missing)
        raise UserError(f"{folder}: was trained with {said}; give the same to TrainedModel.load")
