"""What generated images are compared with: the features of real images, computed once and kept."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nrgan.data import Images, Indices, TrainingData
from nrgan.data.frozen import key_digest
from nrgan.errors import UserError
from nrgan.evaluation.features import Features, extract
from nrgan.evaluation.metric_names import Against
from nrgan.evaluation.metrics import METRICS, Moments
from nrgan.manifest import is_whole, write_sum
from nrgan.progress import Preparing, prepared
from nrgan.ranges import nhwc, stored_from_unit
from nrgan.reading import open_regular, sha256
from nrgan.storage import REFERENCES, default_cache, writing

_MOST_MOMENTS = 1 << 20
_LARGEST_VARIANCE = 1e12
MOST = 50_000
"""Real images that are compared with at most."""
_BLOCK = 1000


@dataclass(frozen=True)
class RealImages:
    """A set of real images: `key` changes whenever they would; `read` gives those of numbers, (K, H, W, C) uint8."""

    key: dict[str, Any]
    count: int
    read: Callable[[Indices], Images]


def real_images(against: Against, data: TrainingData) -> RealImages:
    """The clean images of a run's data, or its noisy ones rounded to 8 bits; of very many, 50,000 evenly spaced ones.

    Raises `UserError` where there are no clean ones.
    """
    chosen = data.evenly(MOST)
    if against == "clean":
        if not data.has_clean:
            raise UserError(
                f"{data.choice.name}: there are no clean images to compare with; <against> observed needs none"
            )
        # the same clean images whatever noise they suffered
        key = {name: value for name, value in data.key.items() if name in ("data", "fit", "range")}
        return RealImages(key, len(chosen), lambda rows: data.clean(chosen[rows]))
    return RealImages(data.key, len(chosen), lambda rows: stored_from_unit(nhwc(data.noisy(chosen[rows]))))


class Reference:
    """Moments and features of a set of real images, from the cache or computed into it.

    Kept under a key of data and features: `references/KEY.npz` (`mu`, `sigma`, `count`, `features`,
    `features_sha256`, `data`) and, where a metric needs every image's features, `references/KEY.npy` (N, D) float32;
    with the SHA-256 of each beside it. One that has changed is made again.
    """

    def __init__(
        self,
        real: RealImages,
        extractor: Features,
        cache: Path | None,
        batch_size: int,
        device: torch.device,
        preparing: Preparing | None = None,
    ) -> None:
        self.real, self.extractor = real, extractor
        self.batch_size, self.device, self.preparing = batch_size, device, preparing
        self.count = real.count
        self._moments: Moments | None = None
        self._features: npt.NDArray[np.float32] | None = None
        self.digest = key_digest({**real.key, "features": extractor.name, "features_sha256": extractor.digest})
        folder = (cache or default_cache()) / REFERENCES
        self.moments_file, self.features_file = folder / f"{self.digest}.npz", folder / f"{self.digest}.npy"

    def moments(self) -> Moments:
        """Mean and covariance of the features; read, and verified, once."""
        if self._moments is None:
            there = is_whole(self.moments_file)
            self._moments = (
                read_moments(self.moments_file, self.extractor) if there else self._keep_moments(self._extract())
            )
        return self._moments

    def features(self) -> npt.NDArray[np.float32]:
        """The features of every image, (N, D) float32; verified once, and mapped."""
        if self._features is None:
            self._features = self._kept_features()
        return self._features

    def _kept_features(self) -> npt.NDArray[np.float32]:
        if is_whole(self.features_file):
            return _read_features(self.features_file, (self.count, self.extractor.num_features))
        features = self._extract()
        with writing(self.features_file) as part, part.open("wb") as file:
            np.save(file, features)
        write_sum(self.features_file)
        if not is_whole(self.moments_file):
            self._keep_moments(features)
        return features

    def _keep_moments(self, features: npt.NDArray[np.float32]) -> Moments:
        moments = Moments.of(features)
        with writing(self.moments_file) as part, part.open("wb") as file:
            np.savez(
                file,
                mu=moments.mu,
                sigma=moments.sigma,
                count=moments.count,
                features=self.extractor.name,
                features_sha256=self.extractor.digest,
                data=str(self.real.key),
            )
        write_sum(self.moments_file)
        return moments

    def _extract(self) -> npt.NDArray[np.float32]:
        what = f"{self.extractor.name} features of the real images"
        advance = prepared(self.preparing, what, self.count)
        parts = []
        for start in range(0, self.count, _BLOCK):
            block = self.real.read(np.arange(start, min(start + _BLOCK, self.count)))
            parts.append(extract(self.extractor, block, self.batch_size, self.device)[0])
            advance(len(block))
        return np.concatenate(parts)


class KeptMoments:
    """A reference of which only the moments are known: an `.npz` with `mu`, `sigma` and `count`."""

    def __init__(self, path: Path, extractor: Features) -> None:
        self._moments = read_moments(path, extractor)
        self.count = self._moments.count
        self.path, self.digest = path, sha256(path)[:16]

    def moments(self) -> Moments:
        """Mean and covariance of the features."""
        return self._moments

    def features(self) -> npt.NDArray[np.float32]:
        """Not known: raises `UserError`."""
        names = " and ".join(name for name, metric in METRICS.items() if metric.needs == "features")
        raise UserError(f"{self.path}: holds moments only; {names} need the images (leave <reference> out)")


def read_moments(path: Path, extractor: Features) -> Moments:
    """Moments from an `.npz`; raises `UserError` where it is cut short, or of other features."""
    try:
        _check_arrays(path, extractor.num_features)
        with np.load(path, allow_pickle=False) as file:
            moments = Moments(
                np.asarray(file["mu"], np.float64), np.asarray(file["sigma"], np.float64), int(file["count"])
            )
            digest = str(file["features_sha256"]) if "features_sha256" in file else extractor.digest
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, OverflowError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: no statistics (mu, sigma, count), or cut short: delete it ({error})") from error
    size = extractor.num_features
    if moments.mu.shape != (size,) or moments.sigma.shape != (size, size) or digest != extractor.digest:
        raise UserError(
            f"{path}: statistics of {moments.mu.size} features, not of the {size} of {extractor.name}"
            if moments.mu.shape != (size,)
            else f"{path}: statistics of other features than this {extractor.name}"
        )
    if not (np.isfinite(moments.mu).all() and np.isfinite(moments.sigma).all()):
        raise UserError(f"{path}: holds values that are not finite")
    _check_covariance(path, moments)
    return moments


def _check_covariance(path: Path, moments: Moments) -> None:
    """Raises `UserError` where sigma is no covariance, of which every figure would be meaningless."""
    sigma, largest = moments.sigma, float(np.abs(moments.sigma).max(initial=0))
    if moments.count < 2 or largest > _LARGEST_VARIANCE:
        raise UserError(f"{path}: moments of {moments.count} images with variances up to {largest:.3g} mean nothing")
    if float(np.abs(sigma - sigma.T).max()) > 1e-6 * largest:
        raise UserError(f"{path}: its sigma is not symmetric, and so no covariance")
    if float(np.linalg.eigvalsh(sigma)[0]) < -1e-4 * largest:
        raise UserError(f"{path}: its sigma has negative eigenvalues, and so is no covariance")


def _check_arrays(path: Path, size: int) -> None:
    """Raises `ValueError` where an array of moments is not real, or claims more numbers than moments have."""
    with open_regular(path) as opened, zipfile.ZipFile(opened) as members:
        for name in ("mu", "sigma", "count"):
            with members.open(f"{name}.npy") as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
            if dtype.kind not in "fiu" or (math.prod(shape) > max(_MOST_MOMENTS, size * size)):
                raise ValueError(f"{name} is {dtype} of shape {shape}")


def _read_features(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    try:
        features: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: cut short: delete it ({error})") from error
    if features.shape != shape:
        raise UserError(f"{path}: features of shape {features.shape} instead of {shape}: delete it")
    return features
