"""Images with boxes as statistics alone, in which something can be planted."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.checks.sets import clean

from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset

SIDE = 300


def sound(n: int = 60, each: int = 2, classes: tuple[str, ...] = ("cat", "dog"), **more):
    """(dataset, stats) of images with sound boxes, a box of every class on each."""
    dataset, stats = clean(n)
    rng = np.random.default_rng(1)
    low = rng.uniform(5, 120, (n * each, 2))
    corners = np.hstack([low, low + rng.uniform(60, 150, (n * each, 2))])
    labels = Boxes(
        classes, np.arange(n + 1) * each, corners, np.arange(n * each) % len(classes),
        np.ones(n, bool), np.full((n, 2), SIDE), **more,
    )  # fmt: skip
    names = tuple(f"photo{'abcdefghij'[i % 10]}{'klmnopq'[i // 10]}.jpg" for i in range(n))
    splits = np.full(n, "", "U5")
    return Dataset(dataset.root, names, labels, splits, task="detection"), stats


def fresh(dataset: Dataset) -> Dataset:
    """The same after its boxes were changed in place: what labels remember is of before."""
    return dataclasses.replace(dataset, labels=dataclasses.replace(dataset.labels))


def found(findings) -> dict:
    """Check -> finding."""
    return {each.check: each for each in findings}
