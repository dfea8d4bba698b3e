"""Objects that are annotated more than once: under one label, or under two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.metrics.overlap import overlaps
from headstart.records import Finding
from headstart.tasks.detection.found_boxes import box_finding, boxes_of

__all__ = ["check_copies"]

_SAME = 0.95


def check_copies(dataset: Dataset) -> Iterator[Finding]:
    """Yields boxes that lie on another one of the same class, and of another class."""
    labels = boxes_of(dataset)
    once: list[int] = []
    twice: list[int] = []
    for item in np.flatnonzero(labels.counts > 1):
        own = labels.of(int(item))
        rows = np.arange(own.start, own.stop)[labels.usable[own] & ~labels.crowd[own]]
        same = np.triu(overlaps(labels.clipped[rows], labels.clipped[rows]) >= _SAME, 1)
        for one, other in np.argwhere(same):
            alike = labels.classes[rows[one]] == labels.classes[rows[other]]
            (once if alike else twice).append(int(rows[other]))
    if once:
        found = np.unique(once)
        yield box_finding(
            "repeated_boxes", "warning",
            f"{plural(len(found), 'box lies', 'boxes lie')} on another box of the same class.",
            "Delete one of the two: each demands an answer of its own, and one of them is missed.",
            dataset, found,
        )  # fmt: skip
    if twice:
        found = np.unique(twice)
        yield box_finding(
            "boxes_of_two_classes", "serious",
            f"{plural(len(found), 'object bears', 'objects bear')} two labels: a box lies on one "
            f"of another class.",
            "Keep the label that is right: as it is, no answer can be.",
            dataset, found,
        )  # fmt: skip
