"""`Course`: how an arm of masks that takes steps is trained, compared, and learns on.

One fold of the training images is held out while it learns on the others: that is what it is
compared by, and what its probabilities are calibrated on. Where it is kept it learns on from there
with all of them, for a quarter of the steps. What is trained, and on what, a `Learning` says.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from headstart.compute import Compute
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.nets.backbone import Backbone
from headstart.nets.pixel_head import PixelHead
from headstart.probe.dense_scores import (
    confusions,
    dense_temperature,
    same_sharpness,
    sharpness,
)
from headstart.strategies.lesson import Lesson, States
from headstart.strategies.mask_arms import Arm, HeldCounts
from headstart.strategies.placed_problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.record import Epoch

__all__ = ["Course", "Learning", "course_epochs"]

# What is learnt on with all images, and how fast, once an arm is kept.
_ONWARD, _ONWARD_RATE = 0.25, 0.3
_WARM_STEPS, _TIMED_STEPS = 2, 4
# Where fewer epochs fit into a budget, nothing is trained; other work makes steps slower than that.
_FEWEST, _SLOWER = 3, 1.1
_JUDGED = 12  # training images that tell how sure an arm has grown
_ASKED = 4  # whose answers are timed
_IN_TILES = 4  # of large images, which take long to answer, so many times fewer
_ANSWERS = 3  # times that images are answered for, each of which takes some time by itself


class Learning(Protocol):
    """What differs between arms that take steps.

    Attributes:
        name: Of the arm.
        summary: One sentence.
        backbone: That it begins with.
        recipe: How it is trained.
        size: Side of the input in pixels.
        tile: Of the tiles that it is answered in; None for all of it at once.
        inputs: The N training images.
        weights: (C,) float32 of a pixel of each class.
        lesson: What is trained, in place, and on what.
        mark: What decides its batches, for states: another's are never taken.
        views: Views of each image that are made once; 0 where each is made when it is needed.
        place: Where these are and how large, for people; "" for nowhere.
    """

    name: str
    summary: str
    backbone: Backbone
    recipe: MaskRecipe
    size: int
    tile: int | None
    inputs: InputImages
    weights: np.ndarray
    lesson: Lesson
    mark: list[Any]
    views: int
    place: str

    def scores(self, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images, as they are."""

    def head(self) -> PixelHead:
        """Returns the head as it is."""

    def network(self) -> Backbone:
        """Returns what it reads, as it is kept."""


@dataclass
class Course:
    """An arm under way.

    Attributes:
        learner: What is trained.
        compute: Where, and from which seed.
        states: Where they are kept, and how long it may take.
        history: Name of a training -> its epochs; filled as they end.
        arm: As it is after learning on all but one fold; None where the budget is too small.
        said: Why it is not trained, or for fewer epochs than the recipe has; else "".
        epochs: Of the training with a fold held out.
        forced: Whether it is trained in any case, because it was asked for by name.
    """

    learner: Learning
    compute: Compute
    states: States
    history: dict[str, tuple[Epoch, ...]] = field(default_factory=dict)
    arm: Arm | None = None
    said: str = ""
    epochs: int = 0
    forced: bool = False

    def begin(self, folds: Folds, truth: np.ndarray) -> Course:
        """Trains on all but one fold of the training images, and measures on that.

        Args:
            folds: Of the N training images.
            truth: (N, side, side) uint8 classes on the input's square.
        """
        begun, learner = time.perf_counter(), self.learner
        held, own = folds.held, folds.own
        self.epochs = self._epochs(own)
        if self.epochs < min(_FEWEST, learner.recipe.epochs):
            return self
        self._train("", own, replace(learner.recipe, epochs=self.epochs), "")
        measured, temperature = None, 1.0
        if len(held):
            self.compute.begin(f"{learner.name} arm: measuring on held-out training images")
            scores = learner.scores(held)
            measured = HeldCounts(held, confusions(scores, truth[held]), folds.said)
            temperature = dense_temperature(scores, truth[held])
            some = own[np.unique(np.linspace(0, len(own) - 1, self._few(_JUDGED)).astype(int))]
            sure = sharpness(learner.scores(some), truth[some], temperature)
            self._judged = some, truth[some], sure
        self.arm = Arm(
            learner.name, learner.summary, learner.head(), learner.backbone, learner.size,
            temperature, measured, time.perf_counter() - begun, learner.tile,
        )  # fmt: skip
        return self

    def finish(self) -> Arm:
        """Learns on with all images; returns the arm to keep."""
        assert self.arm is not None, "it has begun"
        begun, learner, temperature = time.perf_counter(), self.learner, self.arm.temperature
        if self.arm.held is not None:  # else it has learnt from all of them already
            told = replace(learner.recipe, epochs=self.epochs)
            onward = told.shortened(_ONWARD, _ONWARD_RATE)
            self._train("-all", np.arange(len(learner.inputs)), onward, ", with all images")
            some, truth, sure = self._judged
            temperature = same_sharpness(learner.scores(some), truth, sure)
        backbone = learner.network()
        seconds = self.arm.seconds + time.perf_counter() - begun
        return replace(
            self.arm, head=learner.head(), backbone=backbone, temperature=temperature,
            seconds=seconds,
        )  # fmt: skip

    def _train(self, mark: str, own: np.ndarray, recipe: MaskRecipe, said: str) -> None:
        """Trains on some of the images, and leaves the averaged weights in the net."""
        learner, name = self.learner, self.learner.name + mark
        key = [name, recipe.said, own.tolist(), learner.weights.tolist(), self.compute.seed]
        self.history[name] = learner.lesson.learn(
            own, recipe, self.compute, name=name, phase=f"{learner.name} arm{said}",
            fingerprint=fingerprint_json([*key, *learner.mark]), states=self.states,
        )  # fmt: skip

    def _epochs(self, own: np.ndarray) -> int:
        """Returns for how many epochs there is time; decided once, also where it is resumed."""
        recipe, seconds = self.learner.recipe, self.states.seconds
        if seconds is None:
            return recipe.epochs

        def decide() -> tuple[int, str]:
            begun = time.perf_counter()
            setup, step, per_epoch = self._pace(own)
            left = seconds - self._judging(own) - (time.perf_counter() - begun)
            most, epoch = recipe.epochs, step * per_epoch
            fitting = course_epochs(most, self.learner.views, setup, epoch, left)
            if fitting >= most:
                return fitting, ""
            why = f"An epoch takes about {epoch:.1f} s here: the budget allows {fitting} of {most}"
            least = min(_FEWEST, most)
            if self.forced and fitting < least:
                return least, f"{why} epochs, and {least} are taken, because it was asked for."
            return fitting, f"{why} epochs."

        epochs, self.said = self.states.checkpoints.once(f"{self.learner.name}-epochs", decide)
        return min(epochs, recipe.epochs)

    def _pace(self, own: np.ndarray) -> tuple[float, float, int]:
        """Returns seconds of the first view, of a step, and the steps of an epoch."""
        marks: list[float] = []
        self.compute.begin(f"{self.learner.name} arm: timing a few steps")

        def heard(_: str, done: int, __: int) -> None:
            marks.append(time.perf_counter())

        timed = self.compute.with_progress(heard)
        training = self.learner.lesson.training(own, self.learner.recipe, timed)
        training.run(until=_WARM_STEPS + _TIMED_STEPS)
        training.put(training.start)
        steps = np.diff(marks)
        step = float(np.median(steps[_WARM_STEPS:])) if len(steps) > _WARM_STEPS else 0.0
        setup = max(0.0, float(steps[0]) - step) if self.learner.views and len(steps) else 0.0
        return setup, step, training.plan.per_epoch

    def _few(self, images: int) -> int:
        """Returns how many of so many images are looked at."""
        return images if self.learner.tile is None else max(1, images // _IN_TILES)

    def _judging(self, own: np.ndarray) -> float:
        """Returns seconds of what is answered between the epochs and after them."""
        learner = self.learner

        def taken(images: int) -> float:
            begun = time.perf_counter()
            learner.scores(own[:images])
            return time.perf_counter() - begun

        taken(1)  # the first is slower
        asked = max(2, self._few(_ASKED))
        few, more = taken(1), taken(asked)
        each = max(0.0, more - few) / max(1, min(asked, len(own)) - 1)
        images = len(learner.inputs) - len(own) + 2 * min(self._few(_JUDGED), len(own))
        return _ANSWERS * max(0.0, few - each) + images * each


def course_epochs(most: int, views: int, setup: float, epoch: float, left: float) -> int:
    """Returns how many epochs fit into some seconds, those with all images counted in.

    Args:
        most: At most so many.
        views: Of each image that are made once, one in each of the first epochs.
        setup: Seconds that one of them takes; the first is there.
        epoch: Seconds of an epoch.
        left: Seconds that are left.
    """
    fitting = (
        epochs
        for epochs in range(most, 0, -1)
        if _SLOWER * (
            (epochs + math.ceil(_ONWARD * epochs)) * epoch + max(0, min(views, epochs) - 1) * setup
        ) <= left
    )  # fmt: skip
    return next(fitting, 0)
