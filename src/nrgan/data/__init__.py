"""The images that training sees: sources of clean ones, frozen noise, and the user's own files."""

from nrgan.data.choice import OWN, DataChoice, name_of
from nrgan.data.frozen import NoisyImages
from nrgan.data.opening import default_features, open_data
from nrgan.data.own_data import OwnData
from nrgan.data.sources import CIFAR10, SOURCES, Images, ImageSource, Shapes
from nrgan.data.training_data import ImageSpec, Indices, TrainingData

__all__ = [
    "CIFAR10",
    "OWN",
    "SOURCES",
    "DataChoice",
    "ImageSource",
    "ImageSpec",
    "Images",
    "Indices",
    "NoisyImages",
    "OwnData",
    "Shapes",
    "TrainingData",
    "default_features",
    "name_of",
    "open_data",
]
