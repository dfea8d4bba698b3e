"""Who trains and who tests where an image has many answers, each with a place: masks, boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headstart.choices import EvaluationKind
from headstart.data.splits.split import folds as make_folds
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.strategies.problem import Prepared, TestKind

__all__ = ["Folds", "PlacedProblem", "make_placed_problem", "placed_folds"]


@dataclass(frozen=True)
class PlacedProblem:
    """Who trains and who tests.

    Attributes:
        prepared: The usable items.
        rounds: (training items, test items) of each round.
        final: Items that the model that is kept learns from.
        kind: How it is tested.
        summary: One sentence about that.
    """

    prepared: Prepared
    rounds: tuple[tuple[np.ndarray, np.ndarray], ...]
    final: np.ndarray
    kind: TestKind
    summary: str

    @property
    def learnings(self) -> int:
        """How often is learnt: in every round, and for what is kept where these are several."""
        return len(self.rounds) + (self.kind != "holdout")


def make_placed_problem(
    prepared: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> PlacedProblem:
    """Decides who trains and who tests.

    Masks and boxes are many answers an image, so that few images measure well, and training takes
    minutes: unless cross-validation is asked for, images are held out.

    Args:
        prepared: The usable items.
        evaluation: On a test split, by cross-validation, or as the data allow.
        folds: Of the cross-validation.
        seed: Of what is drawn.

    Raises:
        DataError: If nothing is left to learn from or to test on.
    """
    dataset, clusters = prepared.dataset, prepared.clusters
    n, groups = len(dataset), len(np.unique(clusters))
    given = bool(dataset.tested().any())
    if groups < 2:
        raise DataError(
            f"{dataset.root}: its {n:,} annotated images must all stay together (groups, copies), "
            f"so that none can be held out to measure on: add images of other things"
        )
    if evaluation == "cv":
        k = min(folds, groups)
        of = make_folds(dataset.labels.strata, clusters, k=k, seed=seed)
        pairs = [(np.flatnonzero(of != each), np.flatnonzero(of == each)) for each in range(k)]
        rounds = tuple(pair for pair in pairs if len(pair[0]) and len(pair[1]))
        summary = (
            f"{len(rounds)}-fold cross-validation, as asked: every image was predicted once by a "
            f"model chosen and fitted without it; duplicates and groups stayed in one fold. The "
            f"model that was kept is fitted on all of them."
        )
        return PlacedProblem(prepared, rounds, np.arange(n), "cv", summary)
    test = prepared.splits == "test"
    train = np.flatnonzero(~test & ~prepared.dropped)
    if not len(train) or not test.any():
        lacking = "learn from" if test.any() else "test on"
        raise DataError(
            f"{dataset.root}: no annotated image is left to {lacking}; try --evaluation cv, "
            f"or mend the split"
        )
    own = "test" if dataset.test_name == "test" else "validation"
    origin = f"the data's own {own} split" if given else f"a fifth held out (seed {seed})"
    summary = f"Measured once on {origin}: {plural(int(test.sum()), 'image')}."
    if prepared.dropped.any():
        summary += (
            f" {plural(int(prepared.dropped.sum()), 'training image was', 'training images were')} "
            f"left out because copies, near-duplicates or members of their group are in the test."
        )
    return PlacedProblem(prepared, ((train, np.flatnonzero(test)),), train, "holdout", summary)


class Folds(NamedTuple):
    """Which of N training images are held out while others are learnt from.

    Attributes:
        of: (N,) int, which fold holds an image out.
        k: How many there are; 1 where all must stay together.
    """

    of: np.ndarray
    k: int

    @property
    def held(self) -> np.ndarray:
        """(h,) int images that are held out by whoever takes one fold; none of a single one."""
        return np.flatnonzero(self.of == 0) if self.k > 1 else np.zeros(0, np.int64)

    @property
    def own(self) -> np.ndarray:
        """(n,) int images that are learnt from until then."""
        return np.flatnonzero(self.of != 0) if self.k > 1 else np.arange(len(self.of))

    @property
    def said(self) -> str:
        """How those were held out."""
        return f"1 of {self.k} folds"


def placed_folds(prepared: Prepared, items: np.ndarray, *, folds: int, seed: int) -> Folds:
    """Deals training items to folds that keep together what belongs together.

    Args:
        prepared: The usable items.
        items: (N,) int.
        folds: At most so many.
        seed: Of the draw.
    """
    clusters, strata = prepared.clusters[items], prepared.dataset.labels.strata[items]
    k = min(folds, len(np.unique(clusters)))
    if k < 2:
        return Folds(np.zeros(len(items), np.int64), 1)
    dealt = make_folds(strata, clusters, k=k, seed=seed)
    _, numbers = np.unique(dealt, return_inverse=True)
    return Folds(numbers.astype(np.int64), int(numbers.max()) + 1)
