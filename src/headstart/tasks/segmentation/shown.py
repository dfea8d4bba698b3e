"""What the report shows of masks, and which images it shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.data.masks.masks import Masks
from headstart.metrics.calibration import Bin
from headstart.metrics.segmentation import (
    PIXEL_BINS,
    image_ious,
    measure_areas,
    measure_pixel_classes,
)
from headstart.tasks.segmentation.counting import Tally
from headstart.tasks.segmentation.maps import SegmentationMaps

__all__ = ["details_of"]

_EXAMPLES, _FIRST = 3, 12
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SURE = 0.8  # from here on a pixel's answer is sure
_DRAWN = 600


def details_of(
    predictions: SegmentationMaps,
    labels: Masks,
    found: Tally,
    clusters: np.ndarray | None,
    seed: int,
) -> dict[str, Any]:
    """Returns the details of `tasks.segmentation`.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.
        found: Their counts.
        clusters: (N,) cluster of each item, or None when all stand alone.
        seed: Of the intervals.
    """
    ious = image_ious(found.counts)
    classes = predictions.classes
    per_class = measure_pixel_classes(found.counts, clusters=clusters, seed=seed)
    known = ious[~np.isnan(ious)]
    spread = np.quantile(known, _QUANTILES).tolist() if len(known) else []
    return {
        "per_class": [
            {"class": name, "n": m.n, "iou": m.iou, "precision": m.precision, "recall": m.recall,
             "f1": m.dice}
            for name, m in zip(classes, per_class, strict=True)
        ],
        "confusion": {
            "classes": list(classes), "counts": found.confusion.tolist(), "of": "pixels",
        },
        "reliability": _reliability(found.bins.sum(axis=0)),
        "mistakes": _look_first(predictions, labels, found, ious),
        "examples": _examples(predictions, ious),
        "masks": {
            "quantiles": dict(zip([f"{each:.0%}" for each in _QUANTILES], spread)),
            "areas": _areas(found, classes, clusters, seed),
            "colours": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in predictions.palette.tolist()],
        },
    }  # fmt: skip


def _reliability(bins: np.ndarray) -> list[Bin]:
    """Returns the bins of all pixels, without the empty ones."""
    return [
        Bin(k / PIXEL_BINS, (k + 1) / PIXEL_BINS, sure / n, right / n, int(n))
        for k, (n, sure, right) in enumerate(bins.tolist())
        if n
    ]


def _areas(
    found: Tally, classes: tuple[str, ...], clusters: np.ndarray | None, seed: int
) -> list[dict[str, Any]]:
    """Returns bias and error of the share of each class, and (truth, predicted) of some images."""
    pixels = found.counts[:, :, 1].sum(axis=1)
    rows = np.flatnonzero(pixels)
    if not len(rows):
        return []
    truth, called = (found.counts[rows, :, i] / pixels[rows, None] for i in (1, 2))
    groups = None if clusters is None else np.asarray(clusters)[rows]
    measured = measure_areas(called, truth, clusters=groups, seed=seed)
    drawn = np.linspace(0, len(rows) - 1, min(_DRAWN, len(rows))).astype(int)
    return [
        {
            "class": name,
            "bias": each.bias,
            "error": each.error,
            "points": np.round(np.column_stack((truth[drawn, k], called[drawn, k])), 4).tolist(),
        }
        for k, (name, each) in enumerate(zip(classes, measured, strict=True))
    ]


def _look_first(
    predictions: SegmentationMaps, labels: Masks, found: Tally, ious: np.ndarray
) -> list[dict[str, Any]]:
    """Returns the images whose mask the model contradicts most surely: often the mask is wrong."""
    sure = np.arange(PIXEL_BINS) / PIXEL_BINS >= _SURE - 1e-9
    wrong = (found.bins[:, sure, 0] - found.bins[:, sure, 2]).sum(axis=1)
    share = wrong / np.maximum(found.bins[:, :, 0].sum(axis=1), 1)
    order = np.argsort(-share, kind="stable")[:_FIRST]
    return [
        {
            "name": predictions.names[i],
            "truth": labels.text(i),
            "predicted": predictions.text(i),
            "disagreement": float(share[i]),
            "iou": float(ious[i]),
        }
        for i in order.tolist()
        if share[i] > 0
    ]


def _examples(predictions: SegmentationMaps, ious: np.ndarray) -> list[dict[str, Any]]:
    """Returns the best, the middle and the worst images, each once."""
    order = [i for i in np.argsort(-ious, kind="stable").tolist() if not np.isnan(ious[i])]
    count = min(_EXAMPLES, (len(order) + 2) // 3)
    middle = (len(order) - count) // 2
    chosen = (
        ("best", order[:count]),
        ("middle", order[middle : middle + count]),
        ("worst", order[len(order) - count :][::-1]),
    )
    seen: set[int] = set()
    rows = []
    for what, items in chosen:
        for i in items:
            if i not in seen:
                seen.add(i)
                rows.append({"name": predictions.names[i], "what": what, "iou": float(ious[i])})
    return rows
