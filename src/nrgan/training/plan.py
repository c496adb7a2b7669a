"""What a configuration resolves to: every name looked up, every size known. Pure: nothing is read or written here.

After this, everybody is handed values of the plan, and nobody climbs back to ask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from nrgan.corruptions import Corruption, to_plain
from nrgan.data import OWN, DataChoice, ImageSpec
from nrgan.errors import UserError
from nrgan.frames import Mending, Wanted
from nrgan.limits import DEFAULT_SIDE
from nrgan.models import check_fits
from nrgan.networks import Family, NetworkSizes, find_family
from nrgan.objectives import Objective
from nrgan.observation import Model, View
from nrgan.settings import Setting
from nrgan.training.config import GIVEN, DataOptions, TrainConfig
from nrgan.training.lookup import family_name, model_of, objective_of, setting_of


@dataclass(frozen=True)
class Objects:
    """Objects of the user's own, in the place of rows; a run that has some says so, and goes on only with them."""

    corruption: Corruption | None = None
    """What befell the images, in the place of the setting's own; added to one's own images, which then are clean,
    unless it is `Told`."""
    model: Model | None = None
    network: Family | None = None
    objective: Objective | None = None

    def __post_init__(self) -> None:
        for name, value in self.given().items():
            kind = _KINDS[name]
            if not isinstance(value, kind):
                raise UserError(f"<{name}> {value!r}: is no {kind.__name__}; give an object of a subclass")

    def given(self) -> dict[str, object]:
        """Those that are there, by name."""
        return {name: value for name in _KINDS if (value := getattr(self, name)) is not None}

    def names(self) -> dict[str, str]:
        """What a run folder says of them: the same in every process, so without the addresses of a plain `repr`."""
        return {name: _ADDRESS.sub("", repr(value)) for name, value in self.given().items()}


_KINDS: dict[str, type] = {"corruption": Corruption, "model": Model, "network": Family, "objective": Objective}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Plan:
    """A run, resolved."""

    config: TrainConfig
    setting: Setting
    model: Model
    family: Family
    objective: Objective
    image: ImageSpec
    """Of the images that are generated."""
    objects: Objects = field(default_factory=Objects)

    @property
    def generator_sizes(self) -> NetworkSizes:
        """Of the image generator."""
        options = self.config.network
        return NetworkSizes(
            options.latent_size, self.image.size, self.image.channels, options.channels, options.residual_scale
        )

    @property
    def discriminator_sizes(self) -> NetworkSizes:
        """Of the discriminator, which sees images through the view."""
        channels = View(self.setting.view).channels(self.image.channels)
        return replace(self.generator_sizes, image_channels=channels, channels=self.config.network.discriminator_width)

    @property
    def compares_pairs(self) -> bool:
        """Whether an image of a batch is compared with the one half a batch further on (the diversity term)."""
        return self.model.compares_pairs and bool(self.config.observation.diversity_weight)

    def identity(self) -> dict[str, Any]:
        """What makes the run the run it is: only with the same may it go on."""
        return self.config.identity() | ({"objects": self.objects.names()} if self.objects.names() else {})


def resolve(config: TrainConfig, image: ImageSpec, objects: Objects | None = None) -> Plan:
    """The plan of a configuration whose model is named, for images of that kind. Raises `UserError`."""
    objects = objects or Objects()
    config = config.replaced(**{name: GIVEN for name in objects.given() if name != "corruption"})
    _check_given(config, objects)
    config = config.replaced(network=family_name(config.network))
    setting = setting_of(config, objects.corruption).stored_in(image.range, config.data.mend is not None)
    to_plain(setting.corruption)  # snapshots will hold it
    family = objects.network or find_family(config.network.network)
    family.check(image.size)
    if objects.model is not None:
        check_fits(type(objects.model).__name__, objects.model, setting)
    objective = objects.objective or objective_of(config.objective)
    _check_pairs(config, objective)
    return Plan(
        config=config,
        setting=setting,
        model=objects.model or model_of(config, setting),
        family=family,
        objective=objective,
        image=image,
        objects=objects,
    )


def _check_given(config: TrainConfig, objects: Objects) -> None:
    """Raises `UserError` where the configuration is of a run with objects of the user's own, which are not there."""
    names = {"model": config.model, "network": config.network.network, "objective": config.objective.objective}
    for name, value in names.items():
        if value == GIVEN and name not in objects.given():
            raise UserError(f"<{name}> {GIVEN}: is an object of your own; give it to train(…, {name}=…)")


def _check_pairs(config: TrainConfig, objective: Objective) -> None:
    """Raises `UserError` where an objective that compares generated images with real ones has not as many of both."""
    generated, real = config.schedule.generator_batch, config.schedule.batch_size
    if objective.needs_real and generated != real:
        kind = type(objective).__name__
        raise UserError(f"<generator_batch_size> {generated}: {kind} compares them with as many real ones; take {real}")


def data_choice(config: TrainConfig, corruption: Corruption | None = None) -> DataChoice:
    """Which images training sees; `corruption` in the place of the setting's own. Raises `UserError`."""
    return choice_of(config.setting, setting_of(config, corruption), config.data)


def choice_of(name: str, setting: Setting, options: DataOptions) -> DataChoice:
    """Which images the options mean of a setting, or of the user's own at a path."""
    return DataChoice(
        name=name,
        source=setting.source,
        corruption=setting.corruption,
        sensor=setting.sensor,
        image_size=options.image_size if setting.source == OWN else options.image_size or DEFAULT_SIDE,
        data_seed=options.data_seed,
        fit=options.fit,
        value_range=options.value_range,
        skip_corrupt=options.skip_corrupt,
        wanted=Wanted(options.axes, options.frames, options.image_channels),
        mending=Mending.of(options.mend, options.dark, options.flat),
    )
