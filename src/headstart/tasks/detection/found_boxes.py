"""Findings about single boxes: which, on which image, where."""

from __future__ import annotations

import numpy as np

from headstart.checks.wording import SHOWN
from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.records import Finding, Severity

__all__ = ["box_finding", "box_line", "boxes_of", "largest_regions"]


def boxes_of(dataset: Dataset) -> Boxes:
    """Returns the labels of a detection set."""
    assert isinstance(dataset.labels, Boxes), "a detection set has boxes"
    return dataset.labels


def box_line(dataset: Dataset, row: int) -> str:
    """Returns such as ``a.jpg (cat 10 20 to 30 40)``: a box as a line of evidence."""
    labels = boxes_of(dataset)
    numbers = [f"{each:.5g}" for each in labels.corners[row]]
    name = labels.names[labels.classes[row]]
    return (
        f"{dataset.names[labels.items[row]]} "
        f"({name} {' '.join(numbers[:2])} to {' '.join(numbers[2:])})"
    )


def box_finding(
    check: str, severity: Severity, claim: str, remedy: str, dataset: Dataset, rows: np.ndarray
) -> Finding:
    """Returns a finding about boxes.

    Args:
        check: Its name.
        severity: Of it.
        claim: One sentence.
        remedy: What to do.
        dataset: Whose boxes they are.
        rows: (K,) int rows of boxes, the worst first.
    """
    corners = boxes_of(dataset).corners
    shown = rows[:SHOWN].tolist()
    regions = tuple(
        tuple(corners[row].tolist()) if np.isfinite(corners[row]).all() else None for row in shown
    )
    evidence = tuple(box_line(dataset, row) for row in shown)
    return Finding(check, severity, claim, evidence, remedy, len(rows), regions)


def largest_regions(
    dataset: Dataset, items: np.ndarray
) -> tuple[tuple[float, float, float, float] | None, ...]:
    """Returns where the largest usable box of each of the first items is; None without one."""
    labels = boxes_of(dataset)
    found: list[tuple[float, float, float, float] | None] = []
    for item in items[:SHOWN].tolist():
        own = labels.of(item)
        corners = labels.clipped[own][labels.usable[own]]
        if not len(corners):
            found.append(None)
            continue
        sides = corners[:, 2:] - corners[:, :2]
        left, top, right, bottom = corners[int(sides.prod(axis=1).argmax())].tolist()
        found.append((left, top, right, bottom))
    return tuple(found)
