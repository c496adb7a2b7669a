"""Where clean images come from."""

from nrgan.data.base import ImageSource
from nrgan.data.cifar10 import CIFAR10
from nrgan.data.shapes import Shapes

__all__ = ["CIFAR10", "ImageSource", "Shapes"]
