"""The residual networks of the paper."""

from nrgan.networks.discriminator import Discriminator
from nrgan.networks.generator import Generator
from nrgan.networks.initialise import initialise
from nrgan.networks.precision import compute_in

__all__ = ["Discriminator", "Generator", "compute_in", "initialise"]
