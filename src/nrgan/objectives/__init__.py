"""What both sides minimise. A new objective is one file and one row."""

from collections.abc import Mapping

from nrgan.errors import unknown
from nrgan.objectives.base import Losses, Objective, Update, total
from nrgan.objectives.diversity import diversity
from nrgan.objectives.logistic import Logistic
from nrgan.plugins import find_row, with_plugins

OBJECTIVES: dict[str, type[Objective]] = {"logistic": Logistic}
_GROUP = "nrgan.objectives"


def find_objective(name: str) -> type[Objective]:
    """The class of a name, ours or of an installed package; raises `UserError`."""
    objective = find_row(_GROUP, OBJECTIVES, name, _is_objective)
    if objective is None:
        raise unknown("objective", name, all_objectives())
    return objective


def all_objectives() -> Mapping[str, type[Objective]]:
    """Our rows, and those of installed packages."""
    return with_plugins(_GROUP, OBJECTIVES, _is_objective)


def _is_objective(row: object) -> bool:
    return isinstance(row, type) and issubclass(row, Objective)


__all__ = [
    "OBJECTIVES",
    "Logistic",
    "Losses",
    "Objective",
    "Update",
    "all_objectives",
    "diversity",
    "find_objective",
    "total",
]
