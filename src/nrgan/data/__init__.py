"""Where clean images come from."""

from nrgan.data.base import ImageSource
from nrgan.data.cifar10 import CIFAR10
from nrgan.data.shapes import Shapes

SOURCES: dict[str, type[ImageSource]] = {"cifar10": CIFAR10, "shapes": Shapes}
"""The sources that settings name. A new one is one file and one row."""

__all__ = ["CIFAR10", "SOURCES", "ImageSource", "Shapes"]
