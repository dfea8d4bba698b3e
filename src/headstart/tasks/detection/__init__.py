"""Detection: any number of boxes on an image, each with a class and a score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.data.dataset import Dataset
from headstart.images.stats import ImageStats
from headstart.records import Finding
from headstart.tasks.detection.checks import check_boxes

__all__ = ["check"]


def check(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what only boxes can have wrong."""
    yield from check_boxes(dataset, stats, clusters)
