"""The residual networks of the paper."""

from nrgan.networks.discriminator import Discriminator
from nrgan.networks.generator import Generator
from nrgan.networks.initialise import initialise

__all__ = ["Discriminator", "Generator", "initialise"]
