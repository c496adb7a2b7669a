"""Running a checkout of the reference implementation (takuhirok/NR-GAN) as it is, to be timed beside ours.

Nothing of it is part of this package. Its modules are loaded from the checkout with two changes made on the way: a
stand-in for each library that it imports and that the timed part does not use (torchvision, OpenCV), and `.view(` read
as `.reshape(`, without which current PyTorch refuses its channels-last results.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from nrgan.bench.clock import Work
from nrgan.errors import UserError
from nrgan.networks.resnet.sizes import up_blocks
from nrgan.training.config import TrainConfig

_TOP = ("models", "trainers", "datasets")
_TIMED = ("models.net", "models.common", "trainers.nrgan_trainer")
_DATA = "datasets.cifar"
_UP_BLOCKS = 3  # of its generator, at every image size
_STAND_INS = ("torchvision", "torchvision.utils", "torchvision.datasets", "cv2")

# what the reference's own launcher passes for each model
_OPTIONS: dict[str, dict[str, Any] | None] = {
    "gan": None,
    "sinrgan1": {"prior": "additive_gaussian"},
    "sinrgan2": {"rotation": True, "channel_shuffle": True, "color_inversion": True},
}


class _Loader(SourceFileLoader):
    def get_data(self, path: str) -> bytes:
        source = Path(path).read_bytes()
        return source.replace(b".view(", b".reshape(") if path.endswith(".py") else source

    def path_stats(self, path: str) -> dict[str, Any]:
        raise OSError("no cached bytecode: the source is changed as it is read")


class _Finder(MetaPathFinder):
    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.split(".")[0] not in _TOP:
            return None
        place, file = _source(self.checkout, name)
        folders = [str(place)] if place.is_dir() else None
        if not file.is_file():
            # a folder without __init__.py
            return ModuleSpec(name, None, is_package=True) if place.is_dir() else None
        return spec_from_file_location(name, file, loader=_Loader(name, str(file)), submodule_search_locations=folders)


def _source(checkout: Path, name: str) -> tuple[Path, Path]:
    """Where a module would lie, and the file that would hold its code."""
    place = checkout.joinpath(*name.split("."))
    return place, place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _check_checkout(checkout: Path, *names: str) -> None:
    """Raises `UserError` where the reference's modules are not there."""
    for name in names:
        file = _source(checkout, name)[1]
        if not file.is_file():
            raise UserError(
                f"<reference> {checkout}: no checkout of the reference ({file.relative_to(checkout)} is missing); "
                f"give the folder that holds {', '.join(_TOP)}"
            )


def check_comparison(checkout: Path, config: TrainConfig) -> None:
    """Raises `UserError` where the reference cannot be timed at a configuration: no checkout, or another network."""
    _check_checkout(checkout, *_TIMED)
    if config.model not in _OPTIONS:
        raise UserError(f"<model> {config.model}: the reference is timed with {', '.join(_OPTIONS)}")
    size = config.resolved_size
    if up_blocks(size) != _UP_BLOCKS:
        raise UserError(
            f"<image_size> {size}: our networks are deeper there than the reference's, which are the same at every "
            "size; compare at 32"
        )


def check_data(checkout: Path) -> None:
    """Raises `UserError` where the reference's data sets are not there."""
    _check_checkout(checkout, _DATA)


def load(checkout: Path, *names: str) -> list[ModuleType]:
    """Modules of the reference; raises `UserError` where they are not there."""
    _check_checkout(checkout, *names)
    before = set(sys.modules)
    for name in _STAND_INS:
        if name not in sys.modules:
            sys.modules[name] = ModuleType(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    sys.modules["torchvision.datasets"].CIFAR10 = _HeldImages  # type: ignore[attr-defined]
    finder = _Finder(checkout)
    sys.meta_path.insert(0, finder)
    try:
        return [import_module(name) for name in names]
    finally:
        sys.meta_path.remove(finder)
        # nobody else is to meet them: torchmetrics looks whether there is a torchvision, and a checkout is not another
        for name in set(sys.modules) - before:
            if name.split(".")[0] in (*_TOP, *_STAND_INS):
                del sys.modules[name]


class _HeldImages:
    """Stands in for torchvision's CIFAR-10: images in memory, (N, H, W, C) uint8."""

    def __init__(self, images: Any) -> None:
        self.data, self.targets = images, [0] * len(images)
        self.transform = self.target_transform = None

    def __len__(self) -> int:
        return len(self.data)


def reference_dataset(checkout: Path, images: Any) -> Any:
    """The reference's data set `cifar10ag25` over these images; item i is corrupted at every access."""
    (cifar,) = load(checkout, _DATA)
    return cifar.CIFAR10AdditiveGaussianNoise(noise_scale=25.0, images=images)


def reference_work(checkout: Path, config: TrainConfig, device: torch.device) -> Work:
    """The reference's own training iteration at the configuration's sizes, on random images in memory."""
    check_comparison(checkout, config)
    net, common, trainers = load(checkout, *_TIMED)
    options = _OPTIONS[config.model]
    sizes, schedule, optimiser = config.network, config.schedule, config.optimiser

    def generator() -> Any:
        made = net.Generator(sizes.latent_size, config.resolved_size, 3, sizes.channels, sizes.residual_scale)
        made.apply(common.weights_init)
        return made.to(device)

    g, g_average = generator(), generator()
    gn, gn_average = (generator(), generator()) if options is not None else (None, None)
    d = net.Discriminator(3, sizes.discriminator_width, sizes.residual_scale)
    d.apply(common.weights_init)
    d.to(device)
    betas = (optimiser.beta1, optimiser.beta2)
    adams = [
        torch.optim.Adam(network.parameters(), optimiser.generator_learning_rate, betas)
        if network is not None
        else None
        for network in (g, d, gn)
    ]
    trainer = trainers.NRGANTrainer(
        iterator=_random_batches(config),
        models=(g, d, gn),
        models_test=(g_average, gn_average),
        measures=(None,),
        optimizers=tuple(adams),
        lr_schedulers=[],
        batch_size=schedule.batch_size,
        g_bs_multiple=schedule.generator_batch // schedule.batch_size,
        lambdas=(config.objective.r1_weight, config.observation.diversity_weight),
        model_averages=(True, True),
        model_average_beta=optimiser.ema_decay,
        device=device,
        **(options or {}),
    )
    trainer.update()  # the first iteration is another one

    def work() -> int:
        trainer.update()
        return 1

    return work


def _random_batches(config: TrainConfig) -> Iterator[tuple[Tensor, None]]:
    size = (config.schedule.batch_size, 3, config.resolved_size, config.resolved_size)
    while True:
        yield torch.rand(size) * 2 - 1, None
