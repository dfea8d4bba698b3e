"""`Scores`: everything that is measured of some predictions, whatever they are predictions of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.data.labels import Labels
from headstart.metrics.statistic import Statistic, difference, estimate
from headstart.predictions import Predictions
from headstart.records import Estimate
from headstart.tasks import task_of

__all__ = ["Measured", "Scores", "baseline_scores", "measured", "score", "transfer_gain"]


@dataclass(frozen=True)
class Scores:
    """Measures with their intervals, and what a page shows beside them.

    Attributes:
        task: Whose measures these are.
        primary: Key of the one that decides.
        measures: Key -> estimate.
        details: Of the task: confusion, curves, per class, mistakes.
    """

    task: str
    primary: str
    measures: dict[str, Estimate]
    details: dict[str, Any]

    @property
    def value(self) -> Estimate:
        """The primary measure."""
        return self.measures[self.primary]


@dataclass(frozen=True)
class Measured:
    """The items that can be measured, and the measures as functions of their weights.

    Attributes:
        kept: (N,) bool: answered, and with a label.
        statistics: Key -> statistic over the M items kept.
    """

    kept: np.ndarray
    statistics: dict[str, Statistic]


def measured(task: str, predictions: Predictions, labels: Labels) -> Measured:
    """Returns the measures of a task.

    Args:
        task: Its name.
        predictions: Of N items.
        labels: Of the same.

    Raises:
        ValueError: If no item has both an answer and a label.
    """
    kept = labels.known & predictions.answered
    if not kept.any():
        raise ValueError("no readable item with a known label is left to score")
    own = predictions if kept.all() else predictions.take(kept)
    return Measured(kept, task_of(task).measures(own, labels.take(kept)))


def score(
    task: str,
    predictions: Predictions,
    labels: Labels,
    *,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> Scores:
    """Scores predictions against labels; items without either are left out.

    Args:
        task: Whose measures are taken.
        predictions: Of N items.
        labels: Of the same.
        clusters: (N,) cluster of each item (group or near-duplicates), or None when all stand
            alone.
        seed: Of the bootstrap.

    Raises:
        ValueError: If no item is left.
    """
    found = measured(task, predictions, labels)
    groups = None if clusters is None else np.asarray(clusters)[found.kept]
    own, truth = predictions.take(found.kept), labels.take(found.kept)
    return Scores(
        task,
        task_of(task).PRIMARY.key,
        {
            key: estimate(statistic, groups, seed=seed)
            for key, statistic in found.statistics.items()
        },
        task_of(task).details(own, truth, groups, seed),
    )


def baseline_scores(
    task: str,
    baselines: dict[str, Predictions],
    labels: Labels,
    *,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """Returns baseline -> {primary measure: estimate}, intervals as the model's own.

    Args:
        task: Whose primary measure is taken.
        baselines: Name -> answers to N items.
        labels: Of the same.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap.
    """
    key = task_of(task).PRIMARY.key
    found = {}
    for name, predictions in baselines.items():
        one = measured(task, predictions, labels)
        groups = None if clusters is None else clusters[one.kept]
        found[name] = {key: estimate(one.statistics[key], groups, seed=seed)}
    return found


def transfer_gain(
    task: str,
    predictions: Predictions,
    baselines: dict[str, Predictions],
    labels: Labels,
    *,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Returns how much better a model is than the best baseline, paired on the same items.

    Args:
        task: Whose primary measure is taken.
        predictions: Of the model.
        baselines: Name -> answers to the same N items.
        labels: Of those.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the bootstrap.

    Returns:
        ``{"over": name, "gain": Estimate}``, the gain positive where the model is better; None
        without baselines.
    """
    if not baselines:
        return None
    primary = task_of(task).PRIMARY
    own = measured(task, predictions, labels).statistics[primary.key]
    others = {
        name: measured(task, each, labels).statistics[primary.key]
        for name, each in baselines.items()
    }
    sign = 1 if primary.larger_is_better else -1
    best = max(others, key=lambda name: sign * others[name].value)
    pair = (own, others[best]) if sign > 0 else (others[best], own)
    return {"over": best, "gain": difference(*pair, clusters, seed=seed)}
