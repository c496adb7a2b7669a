"""Known answers of the metrics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from frechet import closed_form
from nrgan.errors import UserError
from nrgan.evaluation.metric_names import METRIC_NAMES
from nrgan.evaluation.metrics import (
    METRICS,
    Metric,
    Moments,
    Sets,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from nrgan.evaluation.protocol import Protocol
from nrgan.evaluation.selection import fid, fid_of
from nrgan.runs.records import Record, metric_name


def normal(n: int, size: int = 16, seed: int = 0, shift: float = 0.0) -> npt.NDArray[np.float32]:
    return (np.random.RandomState(seed).randn(n, size) + shift).astype(np.float32)


def spd(rng: np.random.RandomState, size: int) -> npt.NDArray[np.float64]:
    a = rng.randn(size, size)
    return a @ a.T / size + 0.1 * np.eye(size)


def test_a_set_with_itself() -> None:
    moments = Moments.of(normal(500))
    assert abs(frechet_distance(moments, moments)) < 1e-8


@pytest.mark.parametrize("size", [3, 64, 300])
def test_gaussians_of_known_moments(size: int) -> None:
    rng = np.random.RandomState(size)
    a, b = (Moments(rng.randn(size), spd(rng, size), 10_000) for _ in range(2))
    assert frechet_distance(a, b) == pytest.approx(closed_form(a, b), abs=1e-6)


def test_diagonal_gaussians_by_hand() -> None:
    a = Moments(np.zeros(2), np.diag([1.0, 4.0]), 100)
    b = Moments(np.array([3.0, 0.0]), np.diag([9.0, 4.0]), 100)
    assert frechet_distance(a, b) == pytest.approx(9 + (3 - 1) ** 2, abs=1e-9)


def test_moments_are_float64() -> None:
    # a large common offset: in float32 the variance of 1 would be lost
    features = (normal(4000, 2) + 1e4).astype(np.float32)
    moments = Moments.of(features)
    assert moments.mu.dtype == moments.sigma.dtype == np.float64
    assert moments.sigma == pytest.approx(np.cov(features.astype(np.float64).T), rel=1e-12)
    fid = frechet_distance(moments, Moments.of(features + np.float32(1)))
    assert fid == pytest.approx(2.0, rel=1e-3)


def test_too_few_images_are_refused() -> None:
    many, few = Moments.of(normal(100)), Moments.of(normal(16))
    with pytest.raises(UserError, match=r"16 generated images in 16 features .*more than 16"):
        frechet_distance(many, few)
    with pytest.raises(UserError, match="reference"):
        frechet_distance(few, many)
    with pytest.raises(UserError, match="two at least"):
        Moments.of(normal(1))
    for too_few in (kernel_distance, precision_recall):
        with pytest.raises(UserError, match="would mean nothing"):
            too_few(normal(20), normal(20))
    with pytest.raises(UserError, match="would mean nothing"):
        inception_score(normal(50))


def test_nan_is_an_error() -> None:
    bad = Moments(np.full(4, np.nan), np.eye(4), 100)
    with pytest.raises(UserError, match=r"FID.*not finite"):
        frechet_distance(bad, Moments(np.zeros(4), np.eye(4), 100))
    features = normal(200)
    features[3, 2] = np.nan
    with pytest.raises(UserError, match="KID: not finite"):
        kernel_distance(normal(200), features)


def test_kid_is_unbiased() -> None:
    halves = [kernel_distance(normal(1500, seed=2 * k), normal(1500, seed=2 * k + 1))[0] for k in range(5)]
    assert abs(np.mean(halves)) < 0.002, "two halves of one set: zero on average, not above it"
    assert min(halves) < 0, "an unbiased estimate falls below zero, too"
    shifted, deviation = kernel_distance(normal(1500), normal(1500, seed=1, shift=0.5))
    assert shifted > 0.1 and 0 < deviation < shifted


def test_kid_of_all_pairs_by_hand() -> None:
    a, b = normal(60).astype(np.float64), normal(60, seed=1, shift=1).astype(np.float64)

    def kernel(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (x @ y.T / 16 + 1) ** 3

    off = ~np.eye(60, dtype=bool)
    expected = kernel(a, a)[off].mean() + kernel(b, b)[off].mean() - 2 * kernel(a, b).mean()
    mean, deviation = kernel_distance(a, b)  # every subset is the whole set
    assert mean == pytest.approx(expected, rel=1e-10) and deviation == pytest.approx(0, abs=1e-10)


def test_precision_and_recall_of_shifted_sets() -> None:
    a = normal(1000, 4)
    assert min(precision_recall(a, normal(1000, 4, seed=1))) > 0.85
    assert precision_recall(a, normal(1000, 4, seed=1, shift=50)) == (0, 0)
    assert precision_recall(a, a) == (1, 1)
    narrow = normal(1000, 4, seed=2) * 0.1  # all of it plausible, little of it covered
    precision, recall = precision_recall(a, narrow)
    assert precision > 0.95 and recall < 0.2
    assert precision_recall(narrow, a) == (recall, precision)


def test_inception_score() -> None:
    certain = np.eye(10)[np.arange(1000) % 10] * 100.0  # sure of one of ten classes each
    assert inception_score(certain)[0] == pytest.approx(10, rel=0.05)
    assert inception_score(np.zeros((1000, 10))) == pytest.approx((1, 0))


def test_torchs_own_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = kernel_distance(normal(1200), normal(1200, seed=1))
    assert torch.equal(torch.rand(3), expected)
    assert kernel_distance(normal(1200), normal(1200, seed=1)) == first


rows = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


def sets(n: int, size: int = 16) -> Sets:
    real, generated = normal(n, size), normal(n, size, seed=1)
    return Sets(lambda: Moments.of(real), lambda: real, generated, normal(n, size, seed=2), "some")


@rows
def test_every_metric_refuses_what_would_mean_nothing(metric: Metric) -> None:
    fewest = metric.fewest(16)
    figures = metric.compute(sets(fewest))
    assert figures and all(np.isfinite(value) for value in figures.values())
    with pytest.raises(UserError, match="would mean nothing"):
        metric.compute(sets(fewest - 1))


@rows
def test_every_metric_reads_only_what_it_says_that_it_needs(metric: Metric) -> None:
    def unread() -> None:
        raise AssertionError("not needed")

    known = sets(200)
    moments = known.moments if metric.needs == "moments" else unread
    real = known.real if metric.needs == "features" else unread
    logits = known.logits if metric.needs == "logits" else None
    metric.compute(Sets(moments, real, known.generated, logits, "some"))  # type: ignore[arg-type]


def test_names_of_the_files_of_figures() -> None:
    assert list(METRICS) == list(METRIC_NAMES)
    assert [m.file_name(50_000) for m in METRICS.values()] == ["fid50k_full", "kid50k_full", "is50k", "pr50k_3"]
    assert [m.file_name(420) for m in METRICS.values()] == ["fid420_full", "kid420_full", "is420", "pr420_3"]
    assert metric_name("fid50k_full", "clean", "inception", standard=True) == "fid50k_full"
    assert metric_name("fid50k_full", "observed", "others", standard=False) == "fid50k_full-observed-others"


def test_a_new_metric_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    shift = Metric("shift", "shift{count}", "moments", lambda _: 2, lambda s: {"shift": float(s.moments().mu.mean())})
    with pytest.raises(UserError, match="unknown metric 'shift'"):
        Protocol(("shift",))
    monkeypatch.setitem(METRICS, "shift", shift)
    assert Protocol(("shift",)).metrics == ("shift",)


def test_the_figure_that_snapshots_are_chosen_by() -> None:
    def record(**results: float) -> Record:
        return Record("m", results, 1, 500, "clean", "some", "", "", 500, 0)

    others, plain, named = record(kid_mean=1.0), record(fid=2.0), record(**{"fid[some]": 3.0})
    assert fid_of([others, named, plain]) is named
    assert (fid(plain), fid(named)) == (2.0, 3.0)
    assert others.figure("fid") is None and others.figure("kid_mean") == 1.0
    for nothing in ([others], []):
        with pytest.raises(UserError, match="let `fid` be among the metrics"):
            fid_of(nothing)
