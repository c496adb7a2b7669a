"""Denoisers that are not trained, told the noise."""

from nrgan.denoising.classical.mapping import Classical, classical, classical_without_law, level_without_law
from nrgan.denoising.classical.rows import CLASSICAL

__all__ = ["CLASSICAL", "Classical", "classical", "classical_without_law", "level_without_law"]
