"""What is trained on one side, averaged and kept: the generator of images, and how they are observed."""

from __future__ import annotations

from torch import nn

from nrgan.networks import Family, NetworkSizes
from nrgan.observation.base import Model, Observer
from nrgan.settings import Setting


class GeneratorPair(nn.Module):
    """The image generator and the observer, whose networks are trained with it."""

    def __init__(self, generator: nn.Module, observer: Observer) -> None:
        super().__init__()
        self.generator = generator
        self.observer = observer

    @classmethod
    def untrained(cls, family: Family, sizes: NetworkSizes, model: Model, setting: Setting) -> GeneratorPair:
        """The generator of these sizes and the observer of a model on a setting; their weights are yet to be drawn."""
        pair = cls(family.generator(sizes), model.observer(setting, family, sizes))
        pair.observer.networks()  # refuses what no snapshot would keep before anything is trained
        return pair
