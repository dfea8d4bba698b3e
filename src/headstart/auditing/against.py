"""`audit_against`: whether another run leans less on the columns, image by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.auditing.attribute import Attribute, read_attribute
from headstart.auditing.confound import Confound
from headstart.auditing.evidence import Evidence
from headstart.errors import OptionError
from headstart.metrics.interval import cluster_bootstrap
from headstart.records import Estimate
from headstart.results.items import read_items
from headstart.run import Run

__all__ = ["Against", "AgainstColumn", "audit_against"]

_NEEDED = 3  # images of a cell before it counts


@dataclass(frozen=True)
class AgainstColumn:
    """One column, as two runs lean on it.

    Attributes:
        column: Its name.
        verdicts: Of both runs.
        used: How far the score follows it within a class, of both.
        cost: Points between images that agree with what goes together and those that contradict
            it, of both, on the images that both answered; None where too few contradict it.
        cost_change: The second less the first, paired; below nought the second leans less.
        unrelated: Right answers where column and class would be unrelated, of both.
        unrelated_change: The second less the first, paired; above nought the second is better.
        claim: The same in a sentence.
    """

    column: str
    verdicts: tuple[str, str]
    used: tuple[float, float]
    cost: tuple[float, float] | None
    cost_change: Estimate | None
    unrelated: tuple[float, float]
    unrelated_change: Estimate
    claim: str


@dataclass(frozen=True)
class Against:
    """Two audits, compared.

    Attributes:
        first: The one run.
        second: The other; differences are the second less the first.
        images: That both answered while they had not learnt from them.
        measured: Right answers as the images are, the second less the first, paired.
        columns: That both could be asked.
    """

    first: str
    second: str
    images: int
    measured: Estimate
    columns: tuple[AgainstColumn, ...]


def audit_against(
    runs: tuple[Run, Run],
    evidence: tuple[Evidence, Evidence],
    columns: tuple[Sequence[Confound], Sequence[Confound]],
    names: tuple[str, str],
    *,
    seed: int = 0,
) -> Against:
    """Compares two runs on the images that both answered, known again by their content.

    Args:
        runs: Both.
        evidence: Their held-out answers.
        columns: What was found in those.
        names: Of the runs, for people.
        seed: Of the bootstrap.

    Raises:
        OptionError: If they have other classes, or share too few images.
    """
    one, other = evidence
    if one.kinds != other.kinds:
        raise OptionError(
            f"{names[0]} tells {', '.join(one.kinds[:6])} and {names[1]} "
            f"{', '.join(other.kinds[:6])}: only audits of the same classes can be compared"
        )
    rows, places = _common(runs, evidence)
    if len(rows) < 2 or len(np.unique(one.clusters[rows])) < 2:
        raise OptionError(
            f"{names[0]} and {names[1]} share {len(rows)} held-out images: train both on the same "
            f"data to compare their audits"
        )
    gain = other.right[places].astype(float) - one.right[rows].astype(float)
    clusters = one.clusters[rows]
    second = {each.column: each for each in columns[1]}
    found = []
    for first in columns[0]:
        if first.column not in second:
            continue
        # Read of all images, as that audit did: of some, another spelling may be commonest.
        read = read_attribute(first.column, one.dataset.attributes[first.column], one.targets)
        if isinstance(read, Attribute):
            read = dataclasses.replace(read, values=read.values[rows])
            rights = (one.right[rows].astype(float), other.right[places].astype(float))
            compared = _column(
                (first, second[first.column]), read, (one.targets[rows], clusters), rights,
                one.kinds, seed,
            )  # fmt: skip
            found += [] if compared is None else [compared]
    change = cluster_bootstrap(
        lambda weights: weights @ gain / weights.sum(axis=1), clusters, n=len(gain),
        bounds=(-1.0, 1.0), seed=seed,
    )  # fmt: skip
    return Against(names[0], names[1], len(rows), change, tuple(found))


def _common(
    runs: tuple[Run, Run], evidence: tuple[Evidence, Evidence]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (m,) int rows of the first and of the second that are the same images."""
    keys = []
    for run, each in zip(runs, evidence, strict=True):
        items = read_items(run)
        prints = dict(zip(items.dataset.names, items.fingerprints, strict=True))
        # An image that is there twice is known by its name as well.
        keys.append([(prints.get(name, name), name) for name in each.dataset.names])
    exact = {key: place for place, key in enumerate(keys[1])}
    by_print: dict[str, list[int]] = {}
    for place, (key, _) in enumerate(keys[1]):
        by_print.setdefault(key, []).append(place)
    rows, places = [], []
    for row, both in enumerate(keys[0]):
        alone = by_print.get(both[0], [])
        found = exact.get(both, alone[0] if len(alone) == 1 else None)
        if found is not None:
            rows.append(row)
            places.append(found)
    return np.array(rows, int), np.array(places, int)


def _column(
    found: tuple[Confound, Confound],
    read: Attribute,
    where: tuple[np.ndarray, np.ndarray],
    rights: tuple[np.ndarray, np.ndarray],
    kinds: tuple[str, ...],
    seed: int,
) -> AgainstColumn | None:
    """Compares one column: of the pair that the first audit speaks of, and over all cells."""
    targets, clusters = where
    first = found[0]
    if first.value not in read.words:
        return None
    own, has = targets == kinds.index(first.kind), read.values == read.words.index(first.value)
    known = read.known
    sides = [
        [known & (own == is_kind) & (has == (is_kind == aligned)) for is_kind in (True, False)]
        for aligned in (True, False)
    ]
    enough = all(cell.sum() >= _NEEDED for side in sides for cell in side)
    cells = [
        known & (targets == kind) & (read.values == value)
        for kind in np.unique(targets)
        for value in range(len(read.words))
    ]
    cells = [cell for cell in cells if cell.sum() >= _NEEDED]
    if not cells:
        return None
    weights = _alike(cells, targets)
    unrelated = float(weights @ rights[0]), float(weights @ rights[1])
    gain = rights[1] - rights[0]
    change = _paired(gain, [(cells, 1.0)], clusters, targets, seed)
    cost = cost_change = None
    if enough:
        means = [[np.mean([right[c].mean() for c in side]) for side in sides] for right in rights]
        cost = (float(means[0][0] - means[0][1]), float(means[1][0] - means[1][1]))
        parts = [(sides[0], 1.0), (sides[1], -1.0)]
        cost_change = _paired(gain, parts, clusters, None, seed)
    claim = _claim(first.column, cost, cost_change, unrelated, change)
    return AgainstColumn(
        first.column, (found[0].verdict, found[1].verdict), (found[0].used, found[1].used), cost,
        cost_change, unrelated, change, claim,
    )  # fmt: skip


def _alike(cells: Sequence[np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Returns (m,) weights by which classes count alike, and cells alike within their class."""
    kind_of = [int(targets[cell][0]) for cell in cells]
    classes = sorted(set(kind_of))
    weights = np.zeros(len(targets))
    for cell, kind in zip(cells, kind_of, strict=True):
        weights[cell] = 1 / (len(classes) * kind_of.count(kind) * cell.sum())
    return weights


def _paired(
    gain: np.ndarray,
    parts: Sequence[tuple[Sequence[np.ndarray], float]],
    clusters: np.ndarray,
    targets: np.ndarray | None,
    seed: int,
) -> Estimate:
    """Returns a mean over cells of paired differences, with its interval.

    Args:
        gain: (m,) of each image.
        parts: Cells that count alike, and the sign they count with.
        clusters: (m,) int.
        targets: (m,) int: classes count alike, and cells within them; None: cells do.
        seed: Of the bootstrap.
    """

    def of(weights: np.ndarray) -> np.ndarray:
        total = np.zeros(len(weights))
        for cells, sign in parts:
            kind_of = [0 if targets is None else int(targets[cell][0]) for cell in cells]
            for cell, kind in zip(cells, kind_of, strict=True):
                own = weights[:, cell]
                with np.errstate(invalid="ignore"):
                    mean = own @ gain[cell] / own.sum(axis=1)
                total += sign * mean / (len(set(kind_of)) * kind_of.count(kind))
        return total

    ends = (-float(len(parts)), float(len(parts)))
    return cluster_bootstrap(of, clusters, n=len(gain), bounds=ends, seed=seed)


def _claim(
    column: str,
    cost: tuple[float, float] | None,
    cost_change: Estimate | None,
    unrelated: tuple[float, float],
    change: Estimate,
) -> str:
    said = (
        f"{column}: where it and the class would be unrelated the first is right in "
        f"{unrelated[0]:.0%} and the second in {unrelated[1]:.0%} ({_points(change)} points)"
    )
    if cost is not None and cost_change is not None:
        said += (
            f"; leaning on it costs {100 * cost[0]:.0f} and {100 * cost[1]:.0f} points "
            f"({_points(cost_change)})"
        )
        if cost_change.high < 0 or cost_change.low > 0:
            less = "second" if cost_change.high < 0 else "first"
            return f"{said}: the {less} surely leans less on it."
    if change.low > 0 or change.high < 0:
        return f"{said}: the {'second' if change.low > 0 else 'first'} is surely better there."
    return f"{said}: no difference is sure."


def _points(estimate: Estimate) -> str:
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.0f}, {low:+.0f} to {high:+.0f}"
