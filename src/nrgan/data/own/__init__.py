"""People's own noisy images: folders, archives, stacks and shards of many kinds of file."""

from nrgan.data.own.fit import Fit, Patches
from nrgan.data.own.own_images import OwnImages, open_images
from nrgan.data.own.statistics import Statistics
from nrgan.data.own.value_range import ValueRange, choose_range

__all__ = ["Fit", "OwnImages", "Patches", "Statistics", "ValueRange", "choose_range", "open_images"]
