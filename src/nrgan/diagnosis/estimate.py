"""The noise of a set of noisy images, estimated from them alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from nrgan.diagnosis.bounds import bounds, contrast, level_of_smooth
from nrgan.diagnosis.cells import Array, Doubles, prepared
from nrgan.diagnosis.dependence import Dependence, dependence_of
from nrgan.diagnosis.differences import Fine, Mixed
from nrgan.diagnosis.evidence import Evidence, in_images, in_repeats
from nrgan.diagnosis.findings import Finding, arrangement_findings, findings_of
from nrgan.diagnosis.findings.base import bootstrap
from nrgan.diagnosis.findings.fixed import pattern_energy
from nrgan.diagnosis.findings.values import FEW_PHOTONS
from nrgan.diagnosis.laws import UNKNOWN, depends_on_signal
from nrgan.diagnosis.looked import Looked
from nrgan.diagnosis.prediction import Quiet, quiet_of
from nrgan.diagnosis.structure import Marginal, Spread, even_inside, level_inside, marginal, marginal_of_noise, spread
from nrgan.diagnosis.unknowns import unknowns
from nrgan.diagnosis.values import Diagnosis

_LITTLE = 0.1
"""Levels below this share of the images' own contrast, both of near and of far pixels' differences, are not told from
fine detail of the image."""
_HARDLY = 0.005
"""The same of noise that was told: it hardly matters."""
_FAINT = 1e-3
_RARE = 0.01
"""Share of cells below the least, and above the greatest, of the signals that a relation should be told of."""
_DETAIL = 0.5
"""Share of the level in the quietest places, below which most of it is detail of the images."""
_EXPLAINED = 0.75
"""Share of the level in the quietest places, above which a correlation is that of noise."""
_COARSE = 1.3
"""Levels of coarse differences over those that correlated noise would have, above which texture is everywhere."""
_UNEQUAL_IMAGES, _UNEQUAL_PLACES = 0.1, 0.3
"""Relative variances of σ² above which the level is said to vary between images, and between places."""
_OF_A_PART = 0.6
"""The same between places where smooth places are quiet: above it there is noise in others, below it just detail."""
_EVEN_INSIDE = 0.3
"""Relative variance of σ² within the places that have noise, up to which it is one noise there: of edges and stars,
energies are as unlike as they are."""
_LIGHT, _HEAVY, _HEAVY_DEPENDENT = -0.25, 0.3, 1.0
"""Excess kurtosis below which tails are light, and above which they are heavy: more, where the noise depends on the
signal, whose unseen changes within a few pixels mix levels."""


def estimate_noise(
    images: npt.NDArray[np.floating[Any]], most_images: int = 2000, looked: Looked | None = None
) -> Diagnosis:
    """Estimates the noise of (N, H, W, C) images in [0, 1], of which at most `most_images` are used, evenly spread.

    looked: the frames that the images were cut from, as their sensor gave them; None: the images are frames themselves.
    Where those repeat a scene, their differences tell the noise. The same images give the same answer. Raises
    `UserError` where they are too few, too small, not in [0, 1], or nowhere between black and white.
    """
    if looked is None:
        looked = Looked.at_images(prepared(images, most_images))
    findings = findings_of(looked)
    evidence = in_repeats(looked, counts=_few_photons(findings)) if len(looked.pairs) else None
    if evidence is None:
        evidence = _in_images(prepared(images, most_images), looked, findings)
    return _diagnosis(evidence, looked, findings)


def _seen(findings: tuple[Finding, ...]) -> set[str]:
    return {found.name for found in findings if found.seen}


def _few_photons(findings: tuple[Finding, ...]) -> bool:
    """Whether pixels without any event are common, and their black is nothing that was cut."""
    return any(found.name == "few photons" and (found.strength or math.inf) <= FEW_PHOTONS for found in findings)


def _in_images(y: Array, looked: Looked, findings: tuple[Finding, ...]) -> Evidence:
    """The evidence within images, with what was found in their frames heeded."""
    seen = _seen(findings)
    pattern = partial(pattern_energy, looked) if "fixed pattern" in seen else None
    return in_images(y, _few_photons(findings), bool(seen & {"impulses", "hot pixels"}), pattern)


def _diagnosis(evidence: Evidence, looked: Looked, findings: tuple[Finding, ...]) -> Diagnosis:
    noise = _noise(evidence)
    if noise.is_little(evidence, looked.step):
        noise = noise.as_little()
    if not noise.little:
        findings += arrangement_findings(evidence.seen)
    found = replace(_told(evidence, noise), findings=findings)
    blocks, mosaic = (found.finding(name) is not None for name in ("compression blocks", "mosaic"))
    if blocks or mosaic:  # which changed what was correlated
        found = replace(found, correlation_told=False, little_noise=found.little_noise and not blocks)
    reasons = unknowns(found)
    return replace(found, certain=not reasons, unknowns=reasons)


@dataclass(frozen=True)
class _Noise:
    """How strong the noise is, what it depends on, where it lies and how its values are distributed."""

    level: float
    error: float
    """Of the level: its standard error, over resampled images."""
    smoothest: float
    """The level of white noise that would explain the smoothest places."""
    bounds: tuple[float, float]
    """Levels that white noise, and that noise correlated over pixels, cannot exceed."""
    dependence: Dependence
    unequal: Spread
    level_of_images: Doubles
    """Of the images whose own level is known."""
    local: bool
    values: Marginal
    quiet: Quiet | None
    little: bool = False

    def is_little(self, evidence: Evidence, step: float) -> bool:
        """Whether the noise is not told from fine detail of the images, or from rounding to steps, or hardly there."""
        if self.level < step / 2:
            return True
        seen = contrast(evidence.cells.signal, self.level)
        if evidence.seen.exact:
            return self.level < _HARDLY * seen
        if self.level < _HARDLY * seen:
            return True
        if not evidence.seen.told or (self.quiet is not None and self.quiet.fine < _DETAIL):
            return True
        image_in_it = evidence.seen.z.shape[3] == evidence.y.shape[3]
        if image_in_it and not evidence.seen.white and (self.quiet is None or self.quiet.coarse > _COARSE):
            return True  # what is correlated is more so than such noise is
        if self.quiet is not None and self.quiet.level_holds and (evidence.seen.white or self.quiet.correlation_holds):
            return False  # what is as strong in the quietest places is no detail
        little = _LITTLE * seen
        return evidence.seen.far < little and self.smoothest < little and self.unequal.places < _OF_A_PART

    def as_little(self) -> _Noise:
        """The same, where no noise is told from fine detail of the images: what else was seen is then the detail's."""
        return replace(
            self,
            level=min(self.level, self.smoothest),
            dependence=replace(self.dependence, name=UNKNOWN),
            local=False,
            values=Marginal(None, []),
            quiet=None,
            little=True,
        )


def _noise(evidence: Evidence) -> _Noise:
    seen, cells = evidence.seen, evidence.cells
    dependence, unequal, local = _dependence_and_spread(evidence)
    expected = dependence.expected(cells.signal)
    level = float(np.sqrt(max(float(expected.mean()), 0.0)))
    if seen.exact:
        values = marginal_of_noise(seen.z, expected)
        smoothest, most = level, (level, level)
    else:
        loud = cells.smooth & cells.valid & (expected >= np.median(expected[cells.valid]))
        values = marginal(seen.z, loud)
        fine = (Mixed().of(evidence.y), Fine().of(evidence.y))
        smoothest = min(level_of_smooth(differences, evidence.smooth) for differences in fine)
        most = bounds(evidence.y)
    varies = unequal.images > _UNEQUAL_IMAGES
    return _Noise(
        level=level,
        error=_error(cells.energy, cells.valid & cells.smooth, level),
        smoothest=smoothest,
        bounds=most,
        dependence=dependence,
        unequal=unequal,
        level_of_images=level * unequal.level_of_images[np.isfinite(unequal.level_of_images)],
        local=local,
        values=values,
        quiet=None if local else quiet_of(evidence, expected, unequal if varies else None, values.quantiles),
    )


def _error(energy: Array, used: npt.NDArray[np.bool_], level: float) -> float:
    """The standard error of the level, by the energies of images."""
    count = used.sum((1, 2))
    of_images = (energy * used).sum((1, 2))[count > 0] / count[count > 0]
    return bootstrap(of_images) / max(2 * level, 1e-6)


def _told(evidence: Evidence, noise: _Noise) -> Diagnosis:
    """All of it as plain values."""
    y, seen, cells = evidence.y, evidence.seen, evidence.cells
    curve, of_images, kurtosis = noise.dependence.curve, noise.level_of_images, noise.values.excess_kurtosis
    levels = np.sqrt(np.maximum(curve.variance, 1e-9))
    return Diagnosis(
        images=len(y),
        size=(y.shape[1], y.shape[2], y.shape[3]),
        level=noise.level,
        error=float(np.hypot(noise.error, seen.off * noise.level)),
        repeated=seen.exact,
        signal=(255 * curve.signal).tolist(),
        level_at_signal=_or_none(levels),
        error_at_signal=_or_none(np.hypot(curve.error / (2 * np.maximum(levels, _FAINT)), seen.off * levels)),
        signals=(float(np.quantile(cells.signal, _RARE)), float(np.quantile(cells.signal, 1 - _RARE))),
        dependence=noise.dependence.name,
        laws=noise.dependence.laws,
        white=seen.white,
        correlation_told=seen.told and (seen.white or noise.quiet is None or noise.quiet.fine > _EXPLAINED),
        autocorrelation=seen.correlation.tolist(),
        channel_correlation=seen.channels.tolist(),
        independent_channels=seen.independent,
        spread_over_images=float(np.sqrt(noise.unequal.images)),
        level_of_images=(float(of_images.mean()), float(of_images.std())) if len(of_images) else (noise.level, 0.0),
        varies_by_image=not noise.little and noise.unequal.images > _UNEQUAL_IMAGES,
        spread_over_places=float(np.sqrt(noise.unequal.places)),
        local=noise.local,
        level_inside=level_inside(cells.energy, cells.valid) if noise.local else None,
        tails=_tails(kurtosis, depends_on_signal(noise.dependence.name)),
        excess_kurtosis=kurtosis,
        quantiles=noise.values.quantiles,
        quiet=noise.quiet,
        little_noise=noise.little,
        level_below=max(noise.level, noise.bounds[0]),
        correlated_below=max(noise.level, noise.bounds[1]),
    )


def _dependence_and_spread(evidence: Evidence) -> tuple[Dependence, Spread, bool]:
    """The law, how unequal the noise is beyond it, and whether it lies in a part of each image."""
    seen, cells = evidence.seen, evidence.cells
    dependence = dependence_of(cells.curve(without_texture=False))
    # blurred noise is alike in neighbouring cells
    apart = 1 if seen.white else 2
    unequal = spread(cells.energy, dependence.expected(cells.signal), cells.valid, apart)
    unequal_places = unequal.places > _UNEQUAL_PLACES
    if not unequal_places and seen.z.shape[3] == evidence.y.shape[3] and not seen.exact:
        # contrasts hold too little texture to correct for, and where noise is in places only, the smooth places are
        # also those without noise
        dependence = dependence_of(cells.curve(without_texture=True))
    return dependence, unequal, unequal_places and even_inside(cells.energy, cells.valid, apart) < _EVEN_INSIDE


def _tails(kurtosis: float | None, depends: bool) -> str:
    if kurtosis is None:
        return "unknown"
    heavy = _HEAVY_DEPENDENT if depends else _HEAVY
    return "light" if kurtosis < _LIGHT else "heavy" if kurtosis > heavy else "gaussian"


def _or_none(values: Doubles) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
