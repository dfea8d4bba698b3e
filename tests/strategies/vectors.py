"""Problems of a few vectors: no image, no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.probe.vectors import even, vectors_of

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Labels
from headstart.images.stats import ImageStats
from headstart.probe.frozen import Frozen
from headstart.strategies.problem import Prepared

SLICES = {"stage1": slice(0, 6), "stage2": slice(6, 16), "last": slice(16, 28)}


def prepared(
    labels: Labels | None = None,
    *,
    n: int = 90,
    splits: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    dropped: np.ndarray | None = None,
    **more: object,
) -> Prepared:
    """Usable items with these labels; by default three classes of 30, the last fifth a test."""
    labels = labels or Classes(("a", "b", "c"), even(n))
    n = len(labels)
    given = np.full(n, "", "U5") if splits is None else splits
    drawn = np.where(np.arange(n) >= 0.8 * n, "test", "train") if splits is None else splits
    dataset = Dataset(Path(), tuple(f"{i:03}.png" for i in range(n)), labels, given, **more)
    return Prepared(
        dataset, ImageStats.empty(n), np.arange(n) if clusters is None else clusters, drawn,
        np.zeros(n, bool) if dropped is None else dropped,
    )  # fmt: skip


def frozen(data: Prepared, *, signal: float = 1.5) -> Frozen:
    """Vectors that tell the strata apart."""
    strata = data.dataset.labels.strata
    return Frozen.of_stages(vectors_of(strata, signal=signal), SLICES)
