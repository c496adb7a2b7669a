"""A learned noise by the names of what holds of it: a prior and invariances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nrgan.errors import UserError
from nrgan.limits import NO_ROW
from nrgan.observation.invariances import find_invariance
from nrgan.observation.learned import Learned
from nrgan.observation.priors import find_prior


def compose(prior: str = NO_ROW, invariances: Sequence[str] = (), implicit: bool = False) -> Learned:
    """The model of noise n = T(g(x)·Σₖ εₖ·σₖ): of a named prior, and named invariances in the order of their names.

    implicit: the noise may depend on the image that it is added to. Raises `UserError` for a name that is not in its
    table or is given twice, and where there is neither a prior nor an invariance.
    """
    law, kept = find_prior(prior), [find_invariance(name) for name in invariances]
    if twice := sorted({name for name in invariances if invariances.count(name) > 1}):
        raise UserError(f"<invariances> {','.join(invariances)}: {', '.join(twice)} comes twice; give it once")
    if law.prior is None and not kept:
        raise UserError(
            f"<prior> {NO_ROW}: without <invariances> nothing tells noise from image, and each could be learned as the "
            "other; name a prior or an invariance that the noise has (all: nrgan list)"
        )
    holds = [law.holds] if law.prior is not None else []
    return Learned(
        prior=law.prior,
        invariances=tuple(row.transform for row in kept),
        implicit=implicit,
        knowledge="; ".join(f"it {held}" for held in [*holds, *(row.holds for row in kept)]),
    )


@dataclass(frozen=True)
class Composition:
    """The same as the command line and snapshots have it; without a prior and invariances where nothing is said."""

    prior: str = NO_ROW
    invariances: str = NO_ROW
    """Names with commas between them."""
    implicit: bool = False

    @property
    def said(self) -> bool:
        """Whether there is anything in it."""
        return self != Composition()

    def model(self) -> Learned:
        """What it composes; raises `UserError` as `compose` does."""
        names = () if self.invariances == NO_ROW else self.invariances.split(",")
        return compose(self.prior, names, self.implicit)
