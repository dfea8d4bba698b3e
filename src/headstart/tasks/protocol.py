"""What a task is: agreed names in two modules, said once.

`tasks/<name>/__init__.py` is torch-free, because what is deployed uses it; `tasks/<name>/learn.py`
needs torch. `tests/tasks/test_protocol.py` demands these names of every task and runs one cycle
with each. There is no base class and no registry object: `tasks.TASKS` is a dictionary of names.

A task may have further names. `tasks.kept_labels` and `tasks.keep_labels` use `read_labels(names,
count, file)` and `write_labels(labels, file)` where labels are more than a text in a table, and
`compared(pixels, predictions, labels, index)` draws an answer beside the truth for the report.
`with_sets(probabilities, targets, spec)` calibrates sets of answers on held-out images.
`TOLD_APART` says what answers tell images apart by, ``"classes"`` or the ``"halves"`` of a number,
`PLACED` says that answers are places on an image,
`settle(outputs, spec)` keeps of raw outputs what is worth it; `decode` takes both.
`rough(predictions, labels)` measures the same items many times, `noise_of(before, after)` and
`disturbed(outputs, noise, some, rng)` say what another arithmetic does to settled outputs,
`served(predictions, index, form)` is what a server sends instead of `record(index)`, and
`write_answers(predictions, images, folder, progress)` writes the files of `predict -o FOLDER`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Labels
from headstart.images.stats import ImageStats
from headstart.metrics.statistic import Measure, Statistic
from headstart.predictions import Predictions
from headstart.records import Finding, OutputSpec

__all__ = ["Learner", "Outputs", "Places", "Target", "Task"]

Outputs = dict[str, np.ndarray]
"""Name of an output -> (N, ...) raw arrays of a network."""


@dataclass(frozen=True)
class Places:
    """Which items some outputs are of, and where on their images.

    Attributes:
        names: N names.
        errors: item name -> reason, of those that could not be read: their outputs are NaN.
        boxes: (N, 4) left, top, width, height in pixels, where items are parts of images.
        sizes: (N, 2) int width and height of the upright images in pixels, where needed.
        matrices: (N, 2, 3) from pixels of the image to pixels of the input, where needed.
        threshold: Probability below which an answer is "not sure".
    """

    names: tuple[str, ...]
    errors: dict[str, str]
    boxes: np.ndarray | None = None
    sizes: np.ndarray | None = None
    matrices: np.ndarray | None = None
    threshold: float = 0.0


@dataclass(frozen=True)
class Target:
    """What a training is to learn of some labels.

    Attributes:
        classes: (N,) int64 columns of the outputs that are right; -1 where not known.
        spec: What `decode` needs to turn outputs back into answers.
    """

    classes: np.ndarray
    spec: OutputSpec


class Task(Protocol):
    """The names of `tasks/<name>/__init__.py`."""

    PRIMARY: Measure
    MEASURES: tuple[Measure, ...]

    def check(self, dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
        """Yields what only this kind of labels can have wrong."""

    def encode(self, labels: Labels, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
        """Returns what to learn; whatever is fitted to labels is fitted to training items only.

        With the spec of a model, labels are told in its terms, or refused (`DataError`).
        """

    def decode(self, outputs: Outputs, spec: OutputSpec, places: Places) -> Predictions:
        """Turns raw outputs into answers: the only post-processing there is."""

    def measures(self, predictions: Predictions, labels: Labels) -> dict[str, Statistic]:
        """Returns measure -> statistic over the items; all of them are known and answered."""

    def details(
        self,
        predictions: Predictions,
        labels: Labels,
        clusters: np.ndarray | None,
        seed: int,
    ) -> dict[str, Any]:
        """Returns what the report's sections show: confusion, curves, per class, mistakes."""

    def baselines(
        self, labels: Labels, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
    ) -> dict[str, Predictions]:
        """Returns what somebody would answer who never looks at an image."""

    def draw(self, pixels: np.ndarray, predictions: Predictions, index: int) -> np.ndarray:
        """Returns (H, W, 3) uint8 with one answer drawn on the image."""


class Learner(Protocol):
    """The names of `tasks/<name>/learn.py`."""

    head: Callable[..., Any]
    """(width, n_outputs, start) -> the module that reads a backbone's vectors."""

    batches: Callable[..., Any]
    """(targets, recipe, seed) -> which items are in which batch, and what the loss wants."""

    loss: Callable[..., Any]
    """(recipe, targets) -> a function (outputs, targets) -> (n,) one number an image."""

    correct: Callable[..., Any]
    """(outputs, targets) -> what else is watched while it is learnt."""
