"""A denoiser judged without clean images: by the law of the noise, by its residual, and by what it makes of noise.

`judge` puts everything together; `rank` chooses among denoisers; `gap` compares real images with generated ones.
"""

from nrgan.denoising.judging.gap import Gap, gap
from nrgan.denoising.judging.halves import Halves, RingCorrelation, judge_halves, ring_correlation
from nrgan.denoising.judging.images import crops
from nrgan.denoising.judging.injection import Injection, inject
from nrgan.denoising.judging.judgement import Effort, Judgement, judge
from nrgan.denoising.judging.noise_traits import NoiseTraits
from nrgan.denoising.judging.null_test import EmptyRegions, NullTest, empty_regions, null_test
from nrgan.denoising.judging.residual import ResidualCheck, ResidualFigures, check_residual
from nrgan.denoising.judging.risk import Estimate, Ranking, Risk, rank, risk, risk_of_pairs

__all__ = [
    "Effort",
    "EmptyRegions",
    "Estimate",
    "Gap",
    "Halves",
    "Injection",
    "Judgement",
    "NoiseTraits",
    "NullTest",
    "Ranking",
    "ResidualCheck",
    "ResidualFigures",
    "RingCorrelation",
    "Risk",
    "check_residual",
    "crops",
    "empty_regions",
    "gap",
    "inject",
    "judge",
    "judge_halves",
    "null_test",
    "rank",
    "ring_correlation",
    "risk",
    "risk_of_pairs",
]
