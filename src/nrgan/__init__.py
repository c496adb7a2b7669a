"""Learn a clean image generator when only noisy images exist.

::

    from nrgan import TrainConfig, TrainedModel, train

    for progress in train(TrainConfig(setting="shapes-ag25", model="sinrgan1", out="outputs")):
        ...
    images = TrainedModel.load("outputs").sample(100, seed=0)   # (100, 32, 32, 3) uint8
"""

from __future__ import annotations

TYPE_CHECKING = False  # for a type checker it is true; importing it from typing would be the command's first wait
if TYPE_CHECKING:
    from typing import Any

    from nrgan.corruptions import AdditiveNoise, Corruption
    from nrgan.denoising.config import DenoiserConfig
    from nrgan.denoising.denoise import denoise
    from nrgan.denoising.denoiser import Denoiser
    from nrgan.denoising.judging import judge
    from nrgan.denoising.train import train_denoiser
    from nrgan.diagnosis import diagnose
    from nrgan.errors import NrganError, TrainingDiverged, UserError
    from nrgan.evaluation.measure import check_run_noise as check_noise
    from nrgan.evaluation.measure import evaluate
    from nrgan.evaluation.measure import select_snapshot as select
    from nrgan.evaluation.protocol import Protocol, Resources
    from nrgan.exporting.export import export
    from nrgan.models import MODELS
    from nrgan.networks import Discriminator, Family, Generator, NetworkSizes
    from nrgan.objectives import Objective
    from nrgan.observation import Model, NoiseSampler, Observation, Observer
    from nrgan.progress import Progress
    from nrgan.publishing.publish import publish
    from nrgan.reports.comparison import compare
    from nrgan.reports.page import report
    from nrgan.runs import TrainedModel
    from nrgan.runs.generate import generate
    from nrgan.runs.reference import import_reference
    from nrgan.settings import SETTINGS
    from nrgan.studies.reproduce import reproduce
    from nrgan.training.config import TrainConfig
    from nrgan.training.train import train

# public name → where it lives, and its name there; loaded when first asked for, so that nobody waits for torch in vain
_HOMES: dict[str, tuple[str, str]] = {
    "AdditiveNoise": ("nrgan.corruptions", "AdditiveNoise"),
    "Corruption": ("nrgan.corruptions", "Corruption"),
    "Denoiser": ("nrgan.denoising.denoiser", "Denoiser"),
    "DenoiserConfig": ("nrgan.denoising.config", "DenoiserConfig"),
    "Discriminator": ("nrgan.networks", "Discriminator"),
    "Family": ("nrgan.networks", "Family"),
    "Generator": ("nrgan.networks", "Generator"),
    "MODELS": ("nrgan.models", "MODELS"),
    "Model": ("nrgan.observation", "Model"),
    "NetworkSizes": ("nrgan.networks", "NetworkSizes"),
    "NoiseSampler": ("nrgan.observation", "NoiseSampler"),
    "NrganError": ("nrgan.errors", "NrganError"),
    "Objective": ("nrgan.objectives", "Objective"),
    "Observation": ("nrgan.observation", "Observation"),
    "Observer": ("nrgan.observation", "Observer"),
    "Progress": ("nrgan.progress", "Progress"),
    "Protocol": ("nrgan.evaluation.protocol", "Protocol"),
    "Resources": ("nrgan.evaluation.protocol", "Resources"),
    "SETTINGS": ("nrgan.settings", "SETTINGS"),
    "TrainConfig": ("nrgan.training.config", "TrainConfig"),
    "TrainedModel": ("nrgan.runs", "TrainedModel"),
    "TrainingDiverged": ("nrgan.errors", "TrainingDiverged"),
    "UserError": ("nrgan.errors", "UserError"),
    "check_noise": ("nrgan.evaluation.measure", "check_run_noise"),
    "compare": ("nrgan.reports.comparison", "compare"),
    "denoise": ("nrgan.denoising.denoise", "denoise"),
    "diagnose": ("nrgan.diagnosis", "diagnose"),
    "evaluate": ("nrgan.evaluation.measure", "evaluate"),
    "export": ("nrgan.exporting.export", "export"),
    "generate": ("nrgan.runs.generate", "generate"),
    "import_reference": ("nrgan.runs.reference", "import_reference"),
    "judge": ("nrgan.denoising.judging", "judge"),
    "publish": ("nrgan.publishing.publish", "publish"),
    "report": ("nrgan.reports.page", "report"),
    "reproduce": ("nrgan.studies.reproduce", "reproduce"),
    "select": ("nrgan.evaluation.measure", "select_snapshot"),
    "train": ("nrgan.training.train", "train"),
    "train_denoiser": ("nrgan.denoising.train", "train_denoiser"),
}

__all__ = [
    "MODELS",
    "SETTINGS",
    "AdditiveNoise",
    "Corruption",
    "Denoiser",
    "DenoiserConfig",
    "Discriminator",
    "Family",
    "Generator",
    "Model",
    "NetworkSizes",
    "NoiseSampler",
    "NrganError",
    "Objective",
    "Observation",
    "Observer",
    "Progress",
    "Protocol",
    "Resources",
    "TrainConfig",
    "TrainedModel",
    "TrainingDiverged",
    "UserError",
    "__version__",
    "check_noise",
    "compare",
    "denoise",
    "diagnose",
    "evaluate",
    "export",
    "generate",
    "import_reference",
    "judge",
    "publish",
    "report",
    "reproduce",
    "select",
    "train",
    "train_denoiser",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nrgan")
    if name not in _HOMES:
        raise AttributeError(f"module 'nrgan' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
