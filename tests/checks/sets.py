"""Sets of images as their statistics alone, for the checks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.images.stats import ImageStats


def clean(n: int = 100, classes: int = 2) -> tuple[Dataset, ImageStats]:
    """Random stats of an ordinary set of JPEG images, all different."""
    rng = np.random.default_rng(0)
    stats = ImageStats.empty(n)
    stats.keys[:] = rng.integers(0, 256, stats.keys.shape)
    stats.dhashes[:] = rng.integers(0, 256, stats.dhashes.shape)
    stats.thumbnails[:] = rng.integers(0, 256, stats.thumbnails.shape)
    stats.contrast[:] = 50
    stats.widths[:] = rng.integers(300, 400, n)
    stats.heights[:] = rng.integers(300, 400, n)
    stats.modes[:] = "RGB"
    stats.formats[:] = "JPEG"
    targets = np.arange(n) % classes
    names = tuple(f"c{t}/{i:04d}.jpg" for i, t in enumerate(targets))
    kinds = tuple(f"c{c}" for c in range(classes))
    return Dataset(Path(), names, Classes(kinds, targets), np.full(n, "", "U5")), stats


def relabelled(dataset, *, targets=None, classes=None, **more):
    """The same images with other labels."""
    labels = dataset.labels
    changed = Classes(
        labels.names if classes is None else classes,
        labels.targets if targets is None else targets,
    )
    return dataclasses.replace(dataset, labels=changed, **more)
