"""`Lesson`: what a net learns from where answers have a place, and how it is trained on a part."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from headstart.compute import Compute
from headstart.nets.batches.batch import Batch
from headstart.nets.batches.loader import Rest
from headstart.strategies.placed.pace import Pace, seconds_of
from headstart.tasks.placed_learn import batches, epoch_steps
from headstart.training.checkpoint import Checkpoints
from headstart.training.gradient import LossFunction, Watch
from headstart.training.loop import Training
from headstart.training.memory import give_back_memory
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.summed import SummedLoss

__all__ = ["Lesson", "LessonEnd", "States"]

# Steps before the clock, and under it. A GPU is slow at first: kernels are loaded as they come.
_WARM, _TIMED = {"cpu": 1}, {"cpu": 3}
_WARM_ELSEWHERE, _TIMED_ELSEWHERE = 4, 5
# Where it is known how long steps take, it is decided anew how many fit; a little is kept back.
_TURN, _MARGIN = 0.5, 1.03


@dataclass(frozen=True)
class States:
    """Where states of trainings are kept, who hears of epochs, and how long they may take.

    Attributes:
        checkpoints: Where states are kept for resuming.
        on_epoch: Called with the name of a training and every epoch.
        seconds: That may be spent; None for as many as the recipe takes.
    """

    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(None))
    on_epoch: OnEpoch | None = None
    seconds: float | None = None

    def since(self, begun: float) -> States:
        """Returns the same with what passed since then taken off the seconds.

        Args:
            begun: As `time.perf_counter` told it.
        """
        if self.seconds is None:
            return self
        return replace(self, seconds=self.seconds - (time.perf_counter() - begun))


class LessonEnd(NamedTuple):
    """What became of a training.

    Attributes:
        epochs: What they did.
        steps: How many it had.
    """

    epochs: tuple[Epoch, ...]
    steps: int


@dataclass(frozen=True)
class Lesson:
    """What is learnt from.

    Attributes:
        net: Trained in place.
        strata: (N,) int, the rarest class of each of the N training images.
        batches: Keys of those images -> what the net reads of them, and what is to be learnt.
        loss: Recipe -> what a batch costs.
        watch: What else is averaged over the images of an epoch, or None.
    """

    net: Any
    strata: np.ndarray
    batches: Callable[[Rest], Iterator[Batch]]
    loss: Callable[[Recipe], LossFunction | SummedLoss]
    watch: Watch | None = None

    def training(
        self,
        own: np.ndarray,
        recipe: Recipe,
        compute: Compute,
        *,
        phase: str = "",
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> Training:
        """Returns a training on some of the images, at its start.

        Args:
            own: (n,) int, which of the N.
            recipe: How.
            compute: Where (a device by its name), from which seed, and who hears of steps.
            phase: What it is called.
            on_epoch: Called after every epoch.
        """
        plan = batches(self.strata[own], recipe, compute.seed, items=own)
        inputs: Any = None  # `batches` gives them
        return Training(
            self.net, recipe, inputs, Objective(plan, self.loss(recipe), self.watch), None, compute,
            phase=phase, on_epoch=on_epoch, stream=self.batches,
        )  # fmt: skip

    def learn(
        self,
        own: np.ndarray,
        recipe: Recipe,
        compute: Compute,
        *,
        name: str,
        phase: str,
        fingerprint: str = "",
        states: States = States(),
        pace: Pace | None = None,
    ) -> LessonEnd:
        """Trains on some of the images, and leaves the averaged weights in the net.

        Args:
            own: (n,) int, which of the N.
            recipe: How.
            compute: As `training` has it.
            name: Of the training, as its state is kept.
            phase: What it is called.
            fingerprint: Of all that decides it, for its state.
            states: Where that is kept, and who hears of epochs.
            pace: Until when it may go on, where the recipe's steps were guessed from a few of
                them: half way its end moves to where the time is used up.
        """
        told = None
        if states.on_epoch is not None:
            hear = states.on_epoch

            def told(epoch: Epoch) -> None:
                hear(name, epoch)

        training = self.training(own, recipe, compute, phase=phase, on_epoch=told)
        if pace is not None:
            _turn(training, pace, states.checkpoints, name, fingerprint)
        states.checkpoints.run(training, name=name, fingerprint=fingerprint)
        if training.ema:
            training.put(training.ema)
        end = LessonEnd(tuple(training.history), training.total)
        del training
        give_back_memory()
        return end

    def per_epoch(self, own: np.ndarray, recipe: Recipe) -> int:
        """Returns the steps of an epoch of some of the images."""
        return epoch_steps(self.strata[own], recipe)

    def seconds_a_step(self, own: np.ndarray, recipe: Recipe, compute: Compute) -> float:
        """Returns how long a step of a training takes, in seconds; the net stays as it is.

        The middle of several: one that waited for something else says nothing of the rest. 0 where
        it diverged at once.

        Args:
            own: (n,) int, which of the N images.
            recipe: How.
            compute: Where.
        """
        on, marks = compute.device, list[float]()
        warm, timed = _WARM.get(on, _WARM_ELSEWHERE), _TIMED.get(on, _TIMED_ELSEWHERE)
        endless = replace(recipe, epochs=1_000)
        training = self.training(own, endless, compute, phase="timing a few steps")
        # Of one run, so that batches are made beside the steps, as they will be.
        training.run(until=warm + timed, save=lambda: marks.append(time.perf_counter()))
        training.put(training.start)
        self.net.zero_grad()
        gaps = np.diff(marks[warm - 1 :])
        return float(np.median(gaps)) if len(gaps) else 0.0


def _turn(
    training: Training, pace: Pace, checkpoints: Checkpoints, name: str, fingerprint: str
) -> None:
    """Runs a training half way, and moves its end to where its time is used up.

    It is decided once; where the first half was not seen as a whole, the end stays.
    """
    planned, turn = training.total, int(_TURN * training.total)
    if turn < 2 or planned >= pace.most:
        return
    marks: list[float] = []
    progress = training.compute.progress

    def heard(phase: str, done: int, total: int) -> None:
        marks.append(time.perf_counter())
        progress(phase, done, planned)

    training.compute = training.compute.with_progress(heard)
    begun = checkpoints.run(training, name=name, fingerprint=fingerprint, until=turn)
    training.compute = training.compute.with_progress(progress)

    def decide() -> tuple[int, str]:
        if begun or training.step < turn:
            return planned, ""
        left, each = pace.by - time.perf_counter(), _MARGIN * seconds_of(marks)
        return max(pace.fitting(left, each, turn), pace.least, turn + 1), ""

    steps, _ = checkpoints.once(f"{name}-steps", decide)
    training.end_at(steps, since=turn)
