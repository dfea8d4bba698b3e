"""What the report shows of detections: per class, curves, kinds of error, sizes, counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.metrics.box_errors import BoxErrors, box_errors
from headstart.metrics.detection import (
    average_precision,
    average_recall,
    class_precisions,
    precision_curves,
)
from headstart.metrics.few import FEW
from headstart.metrics.interval import (
    cluster_codes,
    describe_bootstrap,
    few_ends,
    limits,
    resample,
    wilson,
)
from headstart.metrics.matching import RANGES, Matches, match_boxes
from headstart.metrics.operating import (
    class_points,
    count_bias,
    count_error,
    count_table,
    operating_point,
)
from headstart.metrics.statistic import Statistic, estimate, mean
from headstart.records import Estimate
from headstart.tasks.detection.aligned import found_boxes, true_boxes
from headstart.tasks.detection.detections import Detections
from headstart.tasks.detection.drawn import colour_code
from headstart.tasks.detection.mistakes import images_first, single_errors

__all__ = ["detection_details"]

_POINTS, _DRAWN, _FLAT = 101, 600, 1e-9
_EDGES = (0, 8, 16, 32, 64, 96, 128, 192, 256, 512)


def detection_details(
    predictions: Detections, labels: Boxes, clusters: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Returns the details of `tasks.detection`.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the intervals.
    """
    found, truth = found_boxes(predictions), true_boxes(labels, predictions.classes)
    matches = match_boxes(found, truth, len(predictions.classes))
    errors = box_errors(found, truth, matches, predictions.threshold)

    def known(statistic: Statistic) -> Estimate:
        return estimate(statistic, clusters, seed=seed)

    at = operating_point(matches, predictions.threshold)
    return {
        "per_class": _per_class(predictions, matches, clusters, seed),
        "operating": {"threshold": predictions.threshold} | {k: known(v) for k, v in at.items()},
        "by_size": {"all": known(average_precision(matches)), **_by_size(matches, clusters, seed)},
        "recall": {str(most): known(average_recall(matches, most=most)) for most in (1, 10, 100)},
        "curves": _curves(predictions, matches),
        "errors": errors.totals,
        "sizes": _sizes(predictions, truth.corners, errors, matches),
        "counts": {
            "error": known(count_error(matches, predictions.threshold)),
            "bias": known(count_bias(matches, predictions.threshold)),
            "per_class": _counts(predictions, matches, clusters, seed),
        },
        "boxes": {"colours": [colour_code(number) for number in range(len(predictions.classes))]},
        "mistakes": images_first(predictions, labels, errors),
        "examples": single_errors(predictions, truth, errors),
    }


def _per_class(
    predictions: Detections, matches: Matches, clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Returns boxes, AP and AP50 of every class, and precision and recall at the threshold."""
    codes, groups = cluster_codes(clusters, matches.n)
    method = f"{describe_bootstrap(clusters=groups, n=matches.n)} 95%"
    measured = {
        "ap": class_precisions(matches), "ap_50": class_precisions(matches, iou=0.5),
        **class_points(matches, predictions.threshold),
    }  # fmt: skip
    there = matches.positives[0]
    called, _ = count_table(matches, predictions.threshold)
    columns: dict[str, list[Estimate]] = {}
    for key, statistic in measured.items():
        values = statistic(np.ones((1, matches.n)))[0]
        draws = resample(statistic, codes, seed=seed)
        low, high = limits(values, draws, clusters=groups)
        about = called if key == "precision" else there + called if key == "f1" else there
        columns[key] = [
            _estimate(
                float(v),
                (float(a), float(b)),
                codes[about[:, number] > 0],
                method,
                draws[:, number],
            )
            for number, (v, a, b) in enumerate(zip(values, low, high, strict=True))
        ]
    return [
        {
            "class": name,
            "n": int((there[:, number] > 0).sum()),
            "boxes": int(there[:, number].sum()),
            **{key: column[number] for key, column in columns.items()},
        }
        for number, name in enumerate(predictions.classes)
    ]


def _by_size(matches: Matches, clusters: np.ndarray | None, seed: int) -> dict[str, Estimate]:
    """Returns AP of small, medium and large objects, each as sure as the images that have any."""
    codes, groups = cluster_codes(clusters, matches.n)
    method = f"{describe_bootstrap(clusters=groups, n=matches.n)} 95%"
    found = {}
    for number, size in enumerate(RANGES):
        if size == "all":
            continue
        measured = average_precision(matches, size=size)
        values = measured(np.ones((1, matches.n)))
        draws = resample(measured, codes, seed=seed)
        low, high = limits(values, draws[:, None], clusters=groups)
        there = codes[matches.positives[number].sum(axis=1) > 0]
        ends = float(low[0]), float(high[0])
        found[size] = _estimate(float(values[0]), ends, there, method, draws)
    return found


def _estimate(
    value: float, ends: tuple[float, float], clusters: np.ndarray, method: str, draws: np.ndarray
) -> Estimate:
    """Returns what is known of a class or size; one that never varies is worth its trials.

    Args:
        value: Its measure; NaN where there is nothing to measure.
        ends: Of the bootstrap interval.
        clusters: (m,) those of the images that it is on.
        method: Of the bootstrap.
        draws: (B,) its replicates.
    """
    if math.isnan(value):
        return Estimate(math.nan, 0.0, 1.0, 0, "undefined: no such object")
    count = len(np.unique(clusters))
    if ends[1] - ends[0] < _FLAT and count:
        flat = wilson(value * count, count)
        return Estimate(value, flat.low, flat.high, len(clusters), f"{flat.method}, {count} images")
    if 0 < count < FEW:  # however many images there are without any such object
        return Estimate(
            value, *few_ends(value, draws, count), len(clusters), f"{method}, widened for few"
        )
    return Estimate(value, max(0.0, ends[0]), min(1.0, ends[1]), len(clusters), method)


def _curves(predictions: Detections, matches: Matches) -> list[dict[str, Any]]:
    """Returns precision at 101 recalls of every class, as they are averaged."""
    curves = []
    for name, curve in zip(predictions.classes, precision_curves(matches), strict=True):
        envelope = np.maximum.accumulate(curve["precision"][::-1])[::-1]
        recalls = np.linspace(0, 1, _POINTS)
        places = np.searchsorted(curve["recall"], recalls - 1e-12)
        precision = np.append(envelope, 0.0)[places]
        curves.append({"class": name, "recall": recalls, "precision": np.round(precision, 4)})
    return curves


def _sizes(
    predictions: Detections, corners: np.ndarray, errors: BoxErrors, matches: Matches
) -> dict[str, Any]:
    """Returns how many objects of each size there are, were found and answered wrongly."""

    def counted(boxes: np.ndarray) -> list[int]:
        sides = np.sqrt(np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 0))
        return np.histogram(sides, (*_EDGES, np.inf))[0].tolist()

    right = matches.hits[0, 0] & (matches.scores >= predictions.threshold)
    return {
        "edges": list(_EDGES),
        "there": counted(corners),
        "found": counted(corners[matches.partners[right]]),
        "false": counted(predictions.corners[errors.kinds >= 0]),
    }


def _counts(
    predictions: Detections, matches: Matches, clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Returns error and bias of the count of each class, and (there, counted) of some images."""
    counted, true = count_table(matches, predictions.threshold)
    drawn = np.linspace(0, matches.n - 1, min(_DRAWN, matches.n)).astype(int)
    rows = []
    for number, name in enumerate(predictions.classes):
        apart = counted[:, number] - true[:, number]
        bias = mean(apart, bounds=(-math.inf, math.inf))
        rows.append({
            "class": name,
            "bias": estimate(bias, clusters, seed=seed),
            "error": estimate(mean(np.abs(apart)), clusters, seed=seed),
            "points": np.column_stack((true[drawn, number], counted[drawn, number])).tolist(),
        })  # fmt: skip
    return rows
