"""What is evaluated: a generator, with the observer that it was trained with, at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from nrgan.draws import FreshDraws
from nrgan.errors import UserError
from nrgan.images import stored_from_signed
from nrgan.networks.generator import CHUNK, SNAPSHOTS, latents, newest_snapshot
from nrgan.observation import Observation
from nrgan.training.folder import BEST, CONFIG
from nrgan.training.snapshot import About, load_snapshot
from nrgan.training.state import GeneratorPair


def check_seed(seed: int) -> None:
    """Raises `UserError` for a seed that no series of images has."""
    if not 0 <= seed < 2**63:
        raise UserError(f"--seed {seed}: must not be negative, nor have more than 63 bits")


@dataclass(frozen=True)
class Subject:
    """A generator and its observer; `run` is the folder that figures about it belong to."""

    pair: GeneratorPair
    about: About
    run: Path

    @classmethod
    def load(cls, path: Path, setting: str | None = None, model: str | None = None) -> Subject:
        """Of a snapshot folder, or of a run's newest snapshot; raises `UserError` where there is none."""
        pair, about = load_snapshot(path, setting, model)
        return cls(pair, about, run_of(path))

    @property
    def image_size(self) -> int:
        return self.pair.generator.image_size

    @property
    def device(self) -> torch.device:
        return self.pair.generator.start.weight.device

    @torch.no_grad()
    def observe(self, seed: int, chunk: int) -> Observation:
        """Images 100·chunk … 100·chunk + 99 of a seed, observed; those of `Generator.sample`, seeds alike."""
        indices = range(chunk * CHUNK, (chunk + 1) * CHUNK)
        weight = self.pair.generator.start.weight
        z = latents(seed, indices, self.pair.generator.latent_size).to(weight)
        of_chunk = np.random.SeedSequence([seed, chunk]).generate_state(1, np.uint64)[0]
        rng = torch.Generator(self.device).manual_seed(int(of_chunk) >> 1)
        observation: Observation = self.pair.observer(self.pair.generator(z), z, FreshDraws(rng, dtype=weight.dtype))
        return observation

    def images(self, seed: int, n: int, observed: bool, first: int = 0) -> Iterator[npt.NDArray[np.uint8]]:
        """`n` images from number `first` (a multiple of 100) on, (≤ 100, H, W, C) uint8 at a time.

        Clean, or as `observed`: with their noise, clipped and rounded to 8 bits as the data are.
        """
        for chunk in range(first // CHUNK, -(-(first + n) // CHUNK)):
            observation = self.observe(seed, chunk)
            images = stored_from_signed(observation.noisy if observed else observation.clean)
            yield images[: first + n - chunk * CHUNK]


def run_of(path: Path) -> Path:
    """The run folder that a snapshot, `best/` or a run folder belongs to; a snapshot on its own is its own."""
    folder = newest_snapshot(path)
    for run, depth in ((folder.parent, BEST), (folder.parent.parent, SNAPSHOTS)):
        if (run / CONFIG).is_file() and folder.relative_to(run).parts[0] == depth:
            return run
    return folder
