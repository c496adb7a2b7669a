"""What a rank does that leaves writing, showing and measuring to the first one: its share of every batch."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from nrgan.evaluation.selection import Watch
from nrgan.progress import Progress
from nrgan.ranks import Ranks
from nrgan.runs import TrainedModel
from nrgan.training.batches import Batches
from nrgan.training.config import TrainConfig
from nrgan.training.device import choose_device, choose_dtype
from nrgan.training.fastest import choose_ranks, wanted
from nrgan.training.loop import iterations
from nrgan.training.metadata import metadata_of
from nrgan.training.plan import Objects, Plan
from nrgan.training.prepare import batches_of, check_memory, open_plan, same_state, watch_of
from nrgan.training.state import TrainState, new_state


def follow(config: TrainConfig, objects: Objects, ranks: Ranks) -> Generator[Progress]:
    """Trains this rank's share to the end, if it has one."""
    if (following := Following.begin(config, objects, ranks)) is not None:
        yield from following.run()


@dataclass
class Following:
    """A rank's part in the training that the first one leads (`nrgan.training.train.Training`).

    It asks the ranks the same things in the same order.
    """

    plan: Plan
    state: TrainState
    batches: Batches
    watch: Watch | None

    @classmethod
    def begin(cls, config: TrainConfig, objects: Objects, ranks: Ranks) -> Following | None:
        """Once the first rank has said what is trained; None where fewer ranks are faster, and this one is left out.

        Raises `UserError` where the images cannot be had here.
        """
        if wanted():
            all_of_them, (ranks, _) = ranks, choose_ranks(ranks, None, objects)
            if all_of_them.number >= ranks.count:
                return None
        told = ranks.told(config.plain())
        device = ranks.device(choose_device(config.machine.device))
        streams = told["stream"] == "always"
        plan, data = open_plan(config, objects, recorded=told)
        resident = None if streams else data.all_noisy()
        check_memory(plan, device)
        state = new_state(plan, device, compute_dtype=choose_dtype(told["precision"], device), ranks=ranks)
        watch = watch_of(plan, state, data, device, None)
        same_state(state)
        return cls(plan, state, batches_of(plan, data, state, resident), watch)

    def run(self) -> Generator[Progress]:
        """Trains to the end; nothing is left of it here."""
        state, config = self.state, self.plan.config
        every, total = config.evaluation.every, config.schedule.iterations
        try:
            self._help(state.ranks.told(False))
            for _ in iterations(state, self.plan, self.batches):
                if state.losses.full:
                    state.losses.clear()
                self._help(bool(every) and state.iteration % every == 0)
                yield Progress(state.iteration, total)
                if config.schedule.minutes is not None and state.ranks.highest(False):
                    break
            self._help(state.ranks.told(False))
        finally:
            self.batches.close()

    def _help(self, due: bool) -> None:
        """Does its share of an evaluation."""
        if not due or self.watch is None:
            return
        model = TrainedModel(
            self.state.averaged, metadata_of(self.plan, self.state.iteration), self.plan.setting, self.plan.config.out
        )
        self.watch.evaluator.generated.help(model)
