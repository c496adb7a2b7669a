"""Where clean images come from. A new source is one file and one row."""

from nrgan.data.sources.base import Images, ImageSource
from nrgan.data.sources.cifar10 import CIFAR10
from nrgan.data.sources.shapes import Shapes

SOURCES: dict[str, type[ImageSource]] = {"cifar10": CIFAR10, "shapes": Shapes}

__all__ = ["CIFAR10", "SOURCES", "ImageSource", "Images", "Shapes"]
