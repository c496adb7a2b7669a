"""The one table of all options but setting, model and out: flat name → (group, field)."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from nrgan.training.config.groups import (
    MAY_DIFFER,
    DataOptions,
    EvaluationOptions,
    Group,
    MachineOptions,
    NetworkOptions,
    ObjectiveOptions,
    ObservationOptions,
    OptimiserOptions,
    ScheduleOptions,
)

GROUPS: dict[str, type[Group]] = {
    "data": DataOptions,
    "network": NetworkOptions,
    "observation": ObservationOptions,
    "objective": ObjectiveOptions,
    "optimiser": OptimiserOptions,
    "schedule": ScheduleOptions,
    "evaluation": EvaluationOptions,
    "machine": MachineOptions,
}
"""As the fields of `TrainConfig` are called."""
FLAT: dict[str, tuple[str, str]] = {
    f"{group.prefix}{field}": (name, field) for name, group in GROUPS.items() for field in group.model_fields
}
"""Flat name → (group, field): the one table of all options but setting, model and out."""
DEFAULTS: dict[str, Any] = {
    flat: GROUPS[group]().model_dump(mode="json")[field] for flat, (group, field) in FLAT.items()
}
"""What is chosen where nothing is said, as JSON has it."""


def _differs_freely(group: type[Group], field: FieldInfo) -> bool:
    return group.may_differ or MAY_DIFFER in field.metadata


MAY_DIFFER_ON_RESUME: frozenset[str] = frozenset({"out"}) | {
    flat for flat, (name, field) in FLAT.items() if _differs_freely(GROUPS[name], GROUPS[name].model_fields[field])
}
"""Options that may differ when a run goes on: they do not change what is learned (`iterations` only how long)."""
