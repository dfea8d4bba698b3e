"""Images far nearer to one another than chance allows, in the eyes of the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["check_nearness"]

# Of photographs of different things the nearest neighbour is hardly nearer than the sixth: of 398
# ants and bees one in 300 is at half its distance or less, of 1,602 faces one in 1,000. Of five
# rotated and cropped versions of each image nine in ten are, and of tiles photographed six times
# over every second.
_NEIGHBOUR = 5
_RATIO = 0.5
_SHARE = 0.02
_SERIOUS = 0.1
_SAMPLE = 1000


def check_nearness(
    vectors: np.ndarray, dataset: Dataset, clusters: np.ndarray, *, seed: int = 0
) -> Iterator[Finding]:
    """Says that many images have a neighbour that no other image comes near to.

    Args:
        vectors: (N, D) of the network's last stage.
        dataset: N items.
        clusters: (N,) int of what is kept on one side of a split already; neighbours within one
            do not count.
        seed: Of the thousand images that are looked at where there are more.
    """
    n = len(dataset)
    if n < 4 * _NEIGHBOUR:
        return
    unit = unit_rows(vectors.astype(np.float32))
    rows = np.arange(n)
    if n > _SAMPLE:
        rows = np.sort(np.random.default_rng(seed).permutation(n)[:_SAMPLE])
    near: list[tuple[int, int]] = []
    for start in range(0, len(rows), 128):
        block = rows[start : start + 128]
        distances = 1 - unit[block] @ unit.T
        distances[clusters[block, None] == clusters[None, :]] = np.inf
        nearest = distances.argmin(axis=1)
        closest = np.partition(distances, _NEIGHBOUR, axis=1)[:, : _NEIGHBOUR + 1]
        least, other = closest.min(axis=1), closest.max(axis=1)
        with np.errstate(invalid="ignore"):
            found = np.isfinite(other) & (least < _RATIO * other)
        near += zip(block[found].tolist(), nearest[found].tolist(), strict=True)
    share = len(near) / len(rows)
    if share < _SHARE or len(near) < _NEIGHBOUR:
        return
    looked = f"{len(near):,} of {plural(len(rows), 'image')}"
    yield Finding(
        "nearer_than_chance",
        "serious" if share >= _SERIOUS else "warning",
        f"{looked} have a neighbour at less than half the distance of their sixth, in the eyes of "
        f"the network: versions of one image, the same thing photographed again, or one person?",
        first(f"{dataset.names[i]} ~ {dataset.names[j]}" for i, j in near),
        "Look at some pairs. Where they belong together say who does (--group COLUMN, folder:N or "
        "stem); until then test images may have their twins in training, and the measure be too "
        "good.",
        len(near),
    )
