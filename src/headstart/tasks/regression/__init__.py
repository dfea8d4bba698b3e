"""Regression: one number for each image, with its prediction interval.

A number is learnt as one of C neighbouring ranges (binned regression): the network gives each a
probability, and the number is the median of that distribution. So frozen features, fine-tuning,
calibration and export are those of classes, and every number has an interval whose coverage is
measured. The ranges are made of training items only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from headstart.checks.sequences import check_sequences
from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.metrics.regression import regression_statistics
from headstart.metrics.statistic import Measure, Statistic
from headstart.predictions import Intervals
from headstart.records import Finding, OutputSpec
from headstart.tasks.drawing import write_on
from headstart.tasks.protocol import Outputs, Places, Target
from headstart.tasks.regression.bins import LEVEL, Bins, make_bins

__all__ = [
    "MEASURES",
    "PRIMARY",
    "TOLD_APART",
    "baselines",
    "check",
    "decode",
    "details",
    "draw",
    "encode",
    "measures",
]

TOLD_APART = "halves"
PRIMARY = Measure(
    "mean_absolute_error", "mean absolute error", False, "plain",
    "how far off a prediction is on average",
)  # fmt: skip
MEASURES = (
    PRIMARY,
    Measure(
        "root_mean_squared_error", "root mean squared error", False, "plain",
        "the same, large errors counting more",
    ),
    Measure(
        "r2", "R²", unit="plain",
        meaning="share of the variance that is explained; 0 is always predicting the mean",
    ),
    Measure(
        "interval_coverage", "interval coverage",
        meaning=f"share of true numbers inside their {LEVEL:.0%} prediction intervals",
    ),
)  # fmt: skip

_DRAWN, _MISTAKES = 1500, 24
_FEWEST, _FAR = 8, 10
_CODE = re.compile(r"-1|-9+|99+")


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what numbers can have wrong, and frames of one film."""
    yield from check_sequences(dataset, stats)
    labels = dataset.labels
    assert isinstance(labels, Numbers), "a regression has numbers"
    values = labels.values[labels.known]
    if len(values) < _FEWEST:
        return
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    far = np.flatnonzero(np.abs(labels.values - middle) > _FAR * max(high - low, 1e-12))
    if high > low and len(far):
        yield Finding(
            "outlying_numbers", "warning",
            f"{len(far):,} of {len(values):,} numbers lie more than {_FAR} interquartile ranges "
            f"from the median.",
            tuple(f"{dataset.names[i]}: {labels.text(i)}" for i in far[:24].tolist()),
            "Look at them: a slip of the pen, another unit, or a code for 'unknown'.", len(far),
        )  # fmt: skip
    yield from _codes(dataset, labels)


def _codes(dataset: Dataset, labels: Numbers) -> Iterator[Finding]:
    """Says that one number at the end of all may stand for 'unknown': -1, -9, 99, 999."""
    values, counts = np.unique(labels.values[labels.known], return_counts=True)
    for at, beside in ((0, slice(1, None)), (-1, slice(None, -1))):
        usual = int(counts[beside].max(initial=1))
        code = _CODE.fullmatch(f"{values[at]:g}")
        if code and len(values) > 2 and counts[at] >= max(3, 3 * usual):
            which = np.flatnonzero(labels.values == values[at])
            yield Finding(
                "numbers_like_a_code", "warning",
                f"{counts[at]:,} of {counts.sum():,} numbers are {values[at]:g}, and no other is "
                f"there more than {plural(usual, 'time')}: does it stand for 'unknown'?",
                tuple(f"{dataset.names[i]}: {labels.text(i)}" for i in which[:24].tolist()),
                "Leave the cell empty where a number is not known; else it is learnt as a number.",
                int(counts[at]),
            )  # fmt: skip


def encode(labels: Numbers, train: np.ndarray, spec: OutputSpec | None = None) -> Target:
    """Returns the range of each number; ranges hold about equally many training items."""
    if spec is None:
        bins = make_bins(labels.values[train])
        settings = {"edges": list(bins.edges), "quantity": labels.name}
        if bins.points:
            settings["points"] = list(bins.points)
        spec = OutputSpec("regression", bins.names, settings)
    return Target(_bins(spec).classes(labels.values), spec)


def _bins(spec: OutputSpec) -> Bins:
    return Bins(tuple(spec.settings["edges"]), tuple(spec.settings.get("points", ())))


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> Intervals:
    """Returns the median and the interval of (N, C) ``probabilities`` of ranges."""
    number, low, high = _bins(spec).numbers(outputs["probabilities"]).T
    return Intervals(
        places.names, number, low, high, LEVEL, str(spec.settings.get("quantity", "number")),
        dict(places.errors), places.boxes, outputs.get("unlike"),
    )  # fmt: skip


def measures(predictions: Intervals, labels: Numbers) -> dict[str, Statistic]:
    """Returns mean absolute error, root mean squared error, R² and interval coverage."""
    return regression_statistics(
        predictions.values, labels.values, low=predictions.low, high=predictions.high
    )


def details(
    predictions: Intervals, labels: Numbers, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns ``points`` to draw (truth, predicted, low, high) and the largest errors."""
    n = len(predictions)
    drawn = np.linspace(0, n - 1, min(_DRAWN, n)).astype(int)
    columns = (labels.values, predictions.values, predictions.low, predictions.high)
    missed = np.abs(predictions.values - labels.values)
    worst = np.argsort(-missed, kind="stable")[:_MISTAKES]
    return {
        "quantity": predictions.quantity,
        "points": np.round(np.column_stack(columns)[drawn], 4).tolist(),
        "mistakes": [
            {
                "name": predictions.names[i],
                "truth": labels.text(int(i)),
                "predicted": predictions.text(int(i)),
                "error": float(missed[i]),
            }
            for i in worst
        ],
    }


def baselines(
    labels: Numbers, names: tuple[str, ...], train: np.ndarray, test: np.ndarray
) -> dict[str, Intervals]:
    """Returns the median of the training items, and their own spread, for every test item."""
    known = labels.values[train][labels.known[train]]
    low, middle, high = np.quantile(known, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    same = np.ones(len(test))
    return {
        "constant": Intervals(
            tuple(names[i] for i in test), middle * same, low * same, high * same, LEVEL,
            labels.name,
        )
    }  # fmt: skip


def draw(pixels: np.ndarray, predictions: Intervals, index: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the number and its interval written on the image."""
    return write_on(pixels, predictions.text(index))
