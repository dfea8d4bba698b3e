"""`Course`: how an arm of masks that takes steps is trained, compared, and learns on.

One fold of the training images is held out while it learns on the others: that is what it is
compared by, and what its probabilities are calibrated on. Where it is kept it learns on from there
with all of them, for a quarter of the steps. What is trained, and on what, a `Learning` says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from headstart.compute import Compute
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.nets.masks.pixel_head import PixelHead
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.dense_scores import (
    confusions,
    dense_temperature,
    same_sharpness,
    sharpness,
)
from headstart.strategies.masks.arms import Arm, HeldCounts
from headstart.strategies.placed.lesson import Lesson, States
from headstart.strategies.placed.pace import Pace
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.record import Epoch

__all__ = ["Course", "Learning"]

# What is learnt on with all images, and how fast, once an arm is kept.
_ONWARD, _ONWARD_RATE = 0.25, 0.3
_WARM_STEPS, _TIMED_STEPS = 2, 4
# What is under way gets as many epochs; other work makes steps slower than when they were timed.
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
        fewest: Epochs that have to fit, or nothing is trained.
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
    fewest: int

    def see(self, view: int) -> object:
        """Makes one of the views that are made once, unless it is there."""

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
        recipe: Of the training with a fold held out.
        forced: Whether it is trained in any case, because it was asked for by name.
    """

    learner: Learning
    compute: Compute
    states: States
    history: dict[str, tuple[Epoch, ...]] = field(default_factory=dict)
    arm: Arm | None = None
    said: str = ""
    recipe: MaskRecipe | None = None
    forced: bool = False

    def begin(self, folds: Folds, truth: np.ndarray) -> Course:
        """Trains on all but one fold of the training images, and measures on that.

        Args:
            folds: Of the N training images.
            truth: (N, side, side) uint8 classes on the input's square.
        """
        begun, learner = time.perf_counter(), self.learner
        held, own = folds.held, folds.own
        self.recipe, pace = self._fitting(own)
        if self.recipe is None:
            self.said = self.said.format(0)
            return self
        steps = self._train("", own, self.recipe, "", pace)
        if pace is not None:
            self.recipe = replace(self.recipe, most_steps=steps)
            self.said = self.said.format(f"{self.recipe.passes(pace.per_epoch):g}")
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

    @property
    def still(self) -> float:
        """Seconds that learning on with all images takes at most."""
        return _ONWARD * self.arm.seconds if self.arm is not None else 0.0

    def finish(self) -> Arm:
        """Learns on with all images; returns the arm to keep."""
        assert self.arm is not None, "it has begun"
        assert self.recipe is not None, "it has begun"
        begun, learner, temperature = time.perf_counter(), self.learner, self.arm.temperature
        if self.arm.held is not None:  # else it has learnt from all of them already
            onward = self.recipe.shortened(_ONWARD, _ONWARD_RATE)
            self._train("-all", np.arange(len(learner.inputs)), onward, ", with all images")
            some, truth, sure = self._judged
            temperature = same_sharpness(learner.scores(some), truth, sure)
        backbone = learner.network()
        seconds = self.arm.seconds + time.perf_counter() - begun
        return replace(
            self.arm, head=learner.head(), backbone=backbone, temperature=temperature,
            seconds=seconds,
        )  # fmt: skip

    def _train(
        self, mark: str, own: np.ndarray, recipe: MaskRecipe, said: str, pace: Pace | None = None
    ) -> int:
        """Trains on some of the images, leaves the averaged weights, and returns the steps."""
        learner, name = self.learner, self.learner.name + mark
        key = [name, recipe.said, own.tolist(), learner.weights.tolist(), self.compute.seed]
        self.history[name], steps = learner.lesson.learn(
            own, recipe, self.compute, name=name, phase=f"{learner.name} arm{said}",
            fingerprint=fingerprint_json([*key, *learner.mark]), states=self.states, pace=pace,
        )  # fmt: skip
        return steps

    def _fitting(self, own: np.ndarray) -> tuple[MaskRecipe | None, Pace | None]:
        """Returns the recipe for the time that there is, and its pace where time cuts it.

        Decided once, also where it is resumed; None for the recipe where nothing is trained.
        """
        learner, seconds = self.learner, self.states.seconds
        recipe = learner.recipe
        if seconds is None:
            return recipe, None
        per_epoch = learner.lesson.per_epoch(own, recipe)
        by = time.perf_counter() + seconds
        least, enough, most = (
            per_epoch * min(each, recipe.epochs)
            for each in (_FEWEST, learner.fewest, recipe.epochs)
        )
        pace = Pace(per_epoch, least, most, by, _ONWARD, learner.views)

        def decide() -> tuple[int, str]:
            nonlocal pace
            setup, each = self._timed(own)
            by_then = by - self._judging(own)
            pace = replace(pace, by=by_then, setup=_SLOWER * setup, there=min(2, pace.views))
            fitting = pace.fitting(pace.by - time.perf_counter(), _SLOWER * each)
            why = f"An epoch takes about {each * per_epoch:.1f} s here: the budget allows"
            of = f"of {recipe.epochs} epochs"
            if fitting >= enough or not self.forced:
                return fitting if fitting >= enough else 0, f"{why} {{}} {of}."
            some = round(fitting / per_epoch, 1)
            return least, f"{why} {some:g} {of}, and {{}} are taken, because it was asked for."

        steps, self.said = self.states.checkpoints.once(f"{learner.name}-planned", decide)
        if steps >= pace.most:
            self.said = ""
            return recipe, None
        return replace(recipe, most_steps=steps) if steps else None, pace

    def _timed(self, own: np.ndarray) -> tuple[float, float]:
        """Returns seconds of a view, and of a step.

        The second view is timed: the first one also waits for what is loaded once.
        """
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
        begun = time.perf_counter()
        if self.learner.views > 1:
            self.learner.see(1)
        return time.perf_counter() - begun, step

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

        asked = max(2, self._few(_ASKED))
        for images in (1, asked):  # the first of each size is slower
            taken(images)
        few, more = taken(1), taken(asked)
        each = max(0.0, more - few) / max(1, min(asked, len(own)) - 1)
        images = len(learner.inputs) - len(own) + 2 * min(self._few(_JUDGED), len(own))
        return _ANSWERS * max(0.0, few - each) + images * each
