"""The metrics, from features: each set of images is an (N, D) array, real and generated.

Computed by torchmetrics in float64; the extractor has run already, so that its feature module hands features through.
Precision and recall, which torchmetrics lacks, are here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nrgan.errors import UserError
from nrgan.evaluation.metric_names import METRIC_NAMES

Array = npt.NDArray[Any]

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000
IS_SPLITS = 10
NEIGHBOURS = 3
_HERE: dict[str, Any] = {"sync_on_compute": False}
"""One rank has all features; torchmetrics would wait for those of the others."""


@dataclass(frozen=True)
class Moments:
    """Mean (D,) and covariance (D, D, over N − 1) of the features of `count` images, float64."""

    mu: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]
    count: int

    @classmethod
    def of(cls, features: Array) -> Moments:
        """The moments of (N, D) features. Raises `UserError` for fewer than two."""
        if len(features) < 2:
            raise UserError(f"{len(features)} images: a covariance needs two at least")
        exact = features.astype(np.float64)
        return cls(exact.mean(axis=0), np.cov(exact, rowvar=False), len(features))


class _AsTheyAre(nn.Module):
    """A feature module for features that have been extracted already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(real: Moments, generated: Moments) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½), in float64. Heusel et al. 2017 (FID).

    Raises `UserError` where a set has no more images than features: its covariance is singular, the figure biased.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    size = len(real.mu)
    for name, moments in (("reference", real), ("generated", generated)):
        if moments.count < FID.fewest(size):
            raise UserError(
                f"FID of {moments.count:,} {name} images in {size:,} features would mean nothing: "
                f"take more than {size:,}, or other features"
            )
        # before the eigenvalues: LAPACK ends the whole process over them
        _finite(f"FID's mean and covariance of the {name} images", moments.mu, moments.sigma)
    fid = FrechetInceptionDistance(feature=_AsTheyAre(size), **_HERE)
    for name, moments in (("real", real), ("fake", generated)):
        mu, sigma, n = torch.from_numpy(moments.mu), torch.from_numpy(moments.sigma), moments.count
        setattr(fid, f"{name}_features_sum", n * mu)
        setattr(fid, f"{name}_features_cov_sum", (n - 1) * sigma + n * torch.outer(mu, mu))
        setattr(fid, f"{name}_features_num_samples", torch.tensor(n))
    fid.orig_dtype = torch.float64
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*``compute`` method.*before the ``update``")
        value = float(fid.compute())
    _finite("FID", value)
    return value


def kernel_distance(real: Array, generated: Array, seed: int = 0) -> tuple[float, float]:
    """KID, mean and standard deviation: the unbiased MMD² with kernel (x·y/D + 1)³, over 100 random subsets of 1,000.

    Bińkowski et al. 2018. Subsets are as large as the smaller set where that has fewer images. Raises `UserError` for
    fewer than 50 images.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(KID_SUBSET_SIZE, len(real), len(generated))
    if size < (fewest := KID.fewest(real.shape[1])):
        raise UserError(f"KID of {size} images would mean nothing: take {fewest} at least, better 1,000")
    with _quietly_seeded(seed):
        kid = KernelInceptionDistance(_AsTheyAre(real.shape[1]), subsets=KID_SUBSETS, subset_size=size, **_HERE)
        kid.update(torch.from_numpy(np.asarray(real, np.float64)), real=True)
        kid.update(torch.from_numpy(np.asarray(generated, np.float64)), real=False)
        mean, deviation = (float(value) for value in kid.compute())
    _finite("KID", mean)
    return mean, deviation


def inception_score(logits: Array, seed: int = 0) -> tuple[float, float]:
    """exp E KL(p(c|x) ‖ p(c)), mean and standard deviation over 10 splits, from (N, classes) logits.

    Salimans et al. 2016. Raises `UserError` for fewer than 100 images.
    """
    from torchmetrics.image.inception import InceptionScore

    if len(logits) < (fewest := INCEPTION_SCORE.fewest(logits.shape[1])):
        raise UserError(f"Inception Score of {len(logits)} images would mean nothing: take {fewest} at least")
    with _quietly_seeded(seed):
        score = InceptionScore(_AsTheyAre(logits.shape[1]), splits=IS_SPLITS, **_HERE)
        score.update(torch.from_numpy(np.asarray(logits, np.float64)))
        mean, deviation = (float(value) for value in score.compute())
    _finite("Inception Score", mean)
    return mean, deviation


def precision_recall(real: Array, generated: Array, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Improved precision and recall: the share of each set that lies within the other's k-nearest-neighbour balls.

    Kynkäänniemi et al. 2019, k = 3. As many real images as generated ones, evenly spaced. Raises `UserError` for too
    few.
    """
    n = min(len(real), len(generated))
    if n < (fewest := PRECISION_RECALL.fewest(real.shape[1])):
        raise UserError(f"precision and recall of {n} images would mean nothing: take {fewest} at least")
    chosen = real[np.arange(n) * len(real) // n]
    centre = chosen.mean(axis=0, dtype=np.float64)
    a, b = (torch.from_numpy(np.asarray(x - centre, np.float64)) for x in (chosen, generated[:n]))
    radius_a, radius_b = _radii(a, neighbours), _radii(b, neighbours)
    return _covered(b, a, radius_a), _covered(a, b, radius_b)


_ROWS = 2000


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    return (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp_min_(0)


def _radii(x: Tensor, neighbours: int) -> Tensor:
    """(N,) squared distances of each row to its k-th nearest other row."""
    # the nearest is the row itself
    parts = [
        _squared_distances(part, x).topk(neighbours + 1, largest=False).values[:, -1] for part in torch.split(x, _ROWS)
    ]
    return torch.cat(parts)


def _covered(x: Tensor, centres: Tensor, radii: Tensor) -> float:
    """The share of rows of x that lie in a ball about a centre."""
    inside = [(_squared_distances(part, centres) <= radii).any(dim=1) for part in torch.split(x, _ROWS)]
    return float(torch.cat(inside).double().mean())


@contextmanager
def _quietly_seeded(seed: int) -> Iterator[None]:
    """torchmetrics draws from torch's global generator: seeded for the block, restored after it; its advice is off."""
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features in buffer")
        try:
            torch.default_generator.manual_seed(seed)  # the CPU's alone, on which metrics are computed
            yield
        finally:
            torch.set_rng_state(state)


def _finite(name: str, *values: Any) -> None:
    if not all(np.isfinite(value).all() for value in values):
        raise UserError(f"{name}: not finite, the features hold values that it cannot be computed from")


@dataclass(frozen=True)
class Sets:
    """What metrics are computed from. Real features are read only where a metric asks for them."""

    moments: Callable[[], Moments]
    real: Callable[[], Array]
    generated: Array
    logits: Array | None
    features: str
    """The extractor's name, for errors."""


def _fid(sets: Sets) -> dict[str, float]:
    return {"fid": frechet_distance(sets.moments(), Moments.of(sets.generated))}


def _kid(sets: Sets) -> dict[str, float]:
    return dict(zip(("kid_mean", "kid_sd"), kernel_distance(sets.real(), sets.generated), strict=True))


def _is(sets: Sets) -> dict[str, float]:
    if sets.logits is None:
        raise INCEPTION_SCORE.needs_classes(sets.features)
    return dict(zip(("is_mean", "is_sd"), inception_score(sets.logits), strict=True))


def _pr(sets: Sets) -> dict[str, float]:
    return dict(zip(("precision", "recall"), precision_recall(sets.real(), sets.generated), strict=True))


Needs = Literal["moments", "features", "logits"]
"""What a metric is computed from, beside the features of the generated images: the moments of the real images'
features, those features themselves, or the classes of the generated images and no real ones."""


@dataclass(frozen=True)
class Metric:
    """How a metric is called, what it needs and how it is computed."""

    name: str
    """In `METRIC_NAMES`."""
    file_pattern: str
    """The name of its lines of figures, with a place for the `count` of generated images."""
    needs: Needs
    fewest: Callable[[int], int]
    """From the number of features, the images of each set below which a figure would mean nothing."""
    compute: Callable[[Sets], dict[str, float]]
    """Its figures by name."""

    @property
    def words(self) -> str:
        """What it is."""
        return METRIC_NAMES[self.name]

    def file_name(self, samples: int) -> str:
        """`fid50k_full`, from the number of generated images: compared with all real ones, in the usual features."""
        count = f"{samples // 1000}k" if samples % 1000 == 0 else str(samples)
        return self.file_pattern.format(count=count)

    def needs_classes(self, features: str) -> UserError:
        """The error for features that classify nothing."""
        return UserError(f"the features {features} classify nothing: leave the metric `{self.name}` out")


FID = Metric("fid", "fid{count}_full", "moments", lambda features: features + 1, _fid)
KID = Metric("kid", "kid{count}_full", "features", lambda _: 50, _kid)
INCEPTION_SCORE = Metric("is", "is{count}", "logits", lambda _: 10 * IS_SPLITS, _is)
PRECISION_RECALL = Metric("pr", f"pr{{count}}_{NEIGHBOURS}", "features", lambda _: 10 * NEIGHBOURS, _pr)
METRICS = {metric.name: metric for metric in (FID, KID, INCEPTION_SCORE, PRECISION_RECALL)}
"""By short name. A new one is a function and a row here, and its words in `METRIC_NAMES`."""
