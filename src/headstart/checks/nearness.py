"""Images far nearer to one another than chance allows, in the eyes of the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.checks.duplicates import components
from headstart.checks.wording import ALIKE, first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["Nearness", "find_near"]

# Of photographs of different things the nearest neighbour is hardly nearer than the sixth: of 398
# ants and bees one in 300 is at half its distance or less, of 1,602 faces one in 1,000. Of five
# rotated and cropped versions of each image nine in ten are, and of tiles photographed six times
# over every second.
_NEIGHBOUR = 5
_RATIO = 0.5
_SHARE = 0.02
_SERIOUS = 0.1
_SAMPLE = 1000
# Where so many are that near, versions are the rule, and pairs count that are nearer than three
# fifths of the way to the tenth neighbour of both. Of 400 versions of 80 images that links 96 % of
# the pairs that belong together, and no other.
_SURE = 0.25
_LINK_NEIGHBOUR = 9
_LINK_RATIO = 0.6
_MOST_LINKED = 30_000  # images; the products of all pairs of more take minutes
_MIXED = 0.05  # of the sets; versions of one image have one label, things that look alike do not
_LEAST_SETS = 5  # of each class, to learn from some and test on others
_ROWS = 128


@dataclass(frozen=True)
class Nearness:
    """What the vectors of images say of which belong together.

    Attributes:
        clusters: (N,) int of what must stay on one side of a split.
        findings: What is said of it.
    """

    clusters: np.ndarray
    findings: tuple[Finding, ...] = ()


def find_near(
    vectors: np.ndarray, dataset: Dataset, clusters: np.ndarray, *, small: bool = False,
    seed: int = 0,
) -> Nearness:  # fmt: skip
    """Looks for images with a neighbour that no other image comes near to.

    Where that is the rule (versions of each image, each thing photographed several times), the
    near ones are joined, so that no split divides them; unless their labels disagree, or too few
    sets of a class would be left, since then it is the classes themselves that are so close.

    Args:
        vectors: (N, D) of the network's last stage.
        dataset: N items.
        clusters: (N,) int of what is kept on one side of a split already; neighbours within one
            do not count.
        small: Whether the images are so small that different things look alike too: then what is
            near is never serious by itself.
        seed: Of the thousand images that are looked at where there are more.
    """
    n = len(dataset)
    if n < 4 * _NEIGHBOUR:
        return Nearness(clusters)
    unit = unit_rows(vectors.astype(np.float32))
    rows = np.arange(n)
    if n > _SAMPLE:
        rows = np.sort(np.random.default_rng(seed).permutation(n)[:_SAMPLE])
    near: list[tuple[int, int]] = []
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        distances = _distances(unit, block, clusters)
        nearest = distances.argmin(axis=1)
        closest = np.partition(distances, _NEIGHBOUR, axis=1)[:, : _NEIGHBOUR + 1]
        least, other = closest.min(axis=1), closest.max(axis=1)
        with np.errstate(invalid="ignore"):
            found = np.isfinite(other) & (least < _RATIO * other)
        near += zip(block[found].tolist(), nearest[found].tolist(), strict=True)
    share = len(near) / len(rows)
    if share < _SHARE or len(near) < _NEIGHBOUR:
        return Nearness(clusters)
    joined = clusters
    if share >= _SURE and n <= _MOST_LINKED:
        linked = components(_links(unit, clusters), n)
        joined = linked if _are_sure(linked, clusters, dataset) else clusters
    return Nearness(joined, (_finding(near, len(rows), dataset, joined is not clusters, small),))


def _distances(unit: np.ndarray, block: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Returns (B, N) cosine distances, infinite within a cluster."""
    distances = 1 - unit[block] @ unit.T
    distances[clusters[block, None] == clusters[None, :]] = np.inf
    return distances


def _links(unit: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Returns (E, 2) pairs of items that belong together, those of one cluster among them."""
    n = len(unit)
    blocks = [np.arange(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
    reach = np.concatenate(
        [
            np.partition(_distances(unit, block, clusters), _LINK_NEIGHBOUR, axis=1)[
                :, _LINK_NEIGHBOUR
            ]
            for block in blocks
        ]
    )
    reach = np.where(np.isfinite(reach), _LINK_RATIO * reach, 0)
    edges = []
    for block in blocks:
        both = np.minimum(reach[block, None], reach[None, :])
        one, other = np.nonzero(_distances(unit, block, clusters) < both)
        edges.append(np.stack([block[one], other], axis=1))
    _, head, member = np.unique(clusters, return_index=True, return_inverse=True)
    edges.append(np.stack([head[member], np.arange(n)], axis=1))
    return np.concatenate(edges)


def _are_sure(linked: np.ndarray, before: np.ndarray, dataset: Dataset) -> bool:
    """Whether what is linked agrees in its labels, and leaves enough sets of each class."""
    strata = dataset.labels.strata
    cells = np.unique(np.stack([linked, strata]), axis=1)[0]
    several = np.bincount(linked) > 1
    mixed = np.bincount(cells, minlength=len(several)) > 1
    if (mixed & several).sum() > _MIXED * several.sum():
        return False
    for each in np.unique(strata):
        of_it = strata == each
        had = len(np.unique(before[of_it]))
        if len(np.unique(linked[of_it])) < min(_LEAST_SETS, had):
            return False
    return True


def _finding(
    near: list[tuple[int, int]], looked: int, dataset: Dataset, joined: bool, small: bool
) -> Finding:
    advice = (
        "Look at some pairs. They are kept on one side of every split that is drawn here; where "
        "the data bring a split of their own, its test images may have their twins in training. "
        "--group COLUMN, folder:N or stem says better who belongs together."
        if joined
        else "Look at some pairs. Where they belong together say who does (--group COLUMN, "
        "folder:N or stem); until then test images may have their twins in training, and the "
        "measure be too good."
    )
    return Finding(
        "nearer_than_chance",
        "serious" if len(near) >= _SERIOUS * looked and not (joined or small) else "warning",
        f"{len(near):,} of {plural(looked, 'image')} have a neighbour at less than half the "
        f"distance of their sixth, in the eyes of the network: versions of one image, the same "
        f"thing photographed again, or one person{f', or {ALIKE}' if small else ''}?",
        first(f"{dataset.names[i]} ~ {dataset.names[j]}" for i, j in near),
        advice,
        len(near),
    )
