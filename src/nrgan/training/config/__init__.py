"""The configuration of a run, in groups and under flat names."""

from nrgan.training.config.groups import (
    AUTO,
    GIVEN,
    Count,
    DataOptions,
    EvaluationOptions,
    MachineOptions,
    NetworkOptions,
    ObjectiveOptions,
    ObservationOptions,
    OptimiserOptions,
    Positive,
    PrecisionName,
    ScheduleOptions,
    dashed,
    option_name,
)
from nrgan.training.config.table import DEFAULTS, FLAT, GROUPS, MAY_DIFFER_ON_RESUME
from nrgan.training.config.train_config import TrainConfig

__all__ = [
    "AUTO",
    "DEFAULTS",
    "FLAT",
    "GIVEN",
    "GROUPS",
    "MAY_DIFFER_ON_RESUME",
    "Count",
    "DataOptions",
    "EvaluationOptions",
    "MachineOptions",
    "NetworkOptions",
    "ObjectiveOptions",
    "ObservationOptions",
    "OptimiserOptions",
    "Positive",
    "PrecisionName",
    "ScheduleOptions",
    "TrainConfig",
    "dashed",
    "option_name",
]
