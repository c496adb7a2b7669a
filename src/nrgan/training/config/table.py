"""The one table of all options but setting, model and out: flat name → (group, field)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nrgan.errors import UserError
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
Groups = Mapping[str, type[Group]]
"""As the fields of a configuration are called."""


def flat_names(groups: Groups) -> dict[str, tuple[str, str]]:
    """Flat name → (group, field)."""
    return {f"{group.prefix}{field}": (name, field) for name, group in groups.items() for field in group.model_fields}


def defaults_of(groups: Groups) -> dict[str, Any]:
    """What is chosen where nothing is said, as JSON has it, by flat name."""
    plain = {name: group().model_dump(mode="json") for name, group in groups.items()}
    return {flat: plain[name][field] for flat, (name, field) in flat_names(groups).items()}


def may_differ(groups: Groups) -> frozenset[str]:
    """Flat names of what may differ when a training goes on: it does not change what is learned, or only how long."""
    return frozenset(
        flat
        for flat, (name, field) in flat_names(groups).items()
        if groups[name].may_differ or MAY_DIFFER in groups[name].model_fields[field].metadata
    )


def in_groups(values: Mapping[str, Any], groups: Groups) -> dict[str, Any]:
    """Flat keywords in their groups; what is unknown stays where it is, to be refused."""
    flat = flat_names(groups)
    # "network" and "objective" are both a group and a field of it
    whole = {
        name: value
        for name, value in values.items()
        if name not in flat or isinstance(value, Group) or (name in groups and isinstance(value, dict))
    }
    fields: dict[str, dict[str, Any]] = {}
    for name in (name for name in values if name not in whole):
        group, field = flat[name]
        if group in whole:
            raise UserError(f"<{name}>: give the group {group} or its fields, not both")
        fields.setdefault(group, {})[field] = values[name]
    return whole | fields


FLAT = flat_names(GROUPS)
"""The one table of all options but setting, model and out."""
DEFAULTS = defaults_of(GROUPS)
MAY_DIFFER_ON_RESUME = frozenset({"out"}) | may_differ(GROUPS)
