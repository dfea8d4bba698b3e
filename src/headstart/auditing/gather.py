"""`what_to_gather`: which images would settle a confound, how many, and what they would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.auditing.evidence import Evidence
from headstart.probe.held_out import held_out

__all__ = ["Gather", "SmallCell", "cell_weights", "what_to_gather"]

_LEAST, _AIM, _PLENTY = 20, 40, 100
_DRAWS = 3
_FORECAST_FROM = 6  # images in each cell
_STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # few images that weigh much want small ones
_MOST_BROUGHT = 0.05  # points that a doubling is believed to bring, at most


@dataclass(frozen=True)
class SmallCell:
    """Images that contradict what goes together.

    Attributes:
        kind: Their class.
        value: Their value.
        have: How many there are.
        more: How many to gather; none where there are plenty.
    """

    kind: str
    value: str
    have: int
    more: int


@dataclass(frozen=True)
class Gather:
    """What to gather.

    Attributes:
        wanted: Of each cell that is small.
        now: Share of opposing images that are answered rightly, as things are.
        weighted: The same once the cells are weighted alike, which costs nothing to gather.
        then: The same with the images gathered, forecast from what half of them brings; None
            where there are too few to say.
    """

    wanted: tuple[SmallCell, ...]
    now: float | None
    weighted: float | None
    then: float | None


def cell_weights(targets: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns (N,) weights, mean 1, by which every value counts alike within every class.

    Args:
        targets: (N,) int classes.
        values: (N,) int values, -1 where not known: those count as they are.
    """
    weights = np.ones(len(targets))
    for kind in np.unique(targets):
        own = targets == kind
        known = own & (values >= 0)
        cells, places, counts = np.unique(values[known], return_inverse=True, return_counts=True)
        if len(cells):
            weights[known] = (known.sum() / len(cells) / counts)[places]
    return weights / weights.mean()


def what_to_gather(
    evidence: Evidence, values: np.ndarray, pair: tuple[int, int], words: tuple[str, str, str, str],
    *, learnt: tuple[np.ndarray, np.ndarray] | None = None, seed: int = 0,
) -> Gather:  # fmt: skip
    """Names the small cells, and forecasts what more of them would bring.

    The forecast: cells weighted alike, the opposing images held out; what the second half of them
    brought is what every doubling brings. A coarse rule, and said to be one.

    Args:
        evidence: Held-out answers.
        values: (N,) int, -1 where not known.
        pair: Class and value that go together.
        words: The class, the other class, the value and the other value.
        learnt: Classes and values of the images that the model learnt from, where those are others:
            of them there are too few.
        seed: Of folds and draws.
    """
    kind, value = pair
    own, has = evidence.targets == kind, values == value
    known = values >= 0
    cells = [
        (known & own & ~has, words[0], words[3]),
        (known & ~own & has, words[1], words[2]),
    ]
    counts = [int(rows.sum()) for rows, _, _ in cells]
    if learnt is not None:
        of_kind, with_value = learnt[0] == kind, learnt[1] == value
        told = (learnt[0] >= 0) & (learnt[1] >= 0)
        contradict = (told & of_kind & ~with_value, told & ~of_kind & with_value)
        counts = [int(rows.sum()) for rows in contradict]
    wanted = tuple(
        SmallCell(name, said, count, _more(count))
        for (_, name, said), count in zip(cells, counts, strict=True)
    )
    right = (evidence.scores.argmax(axis=1) == kind) == own
    now = _cells_alike(right, cells)
    few = min(each.have for each in wanted) < _FORECAST_FROM
    if evidence.beside is None or evidence.earlier is not None or few or now is None:
        return Gather(wanted, now, None, None)
    rng = np.random.default_rng(seed)
    whole, half = (
        _opposing_right(evidence, values, cells, np.ones(len(values), bool), kind, seed),
        [],
    )
    for _ in range(_DRAWS):
        kept = np.ones(len(values), bool)
        for rows, _, _ in cells:
            places = np.flatnonzero(rows)
            kept[rng.choice(places, len(places) // 2, replace=False)] = False
        half.append(_opposing_right(evidence, values, cells, kept, kind, seed))
    doubling = float(np.clip(whole - np.mean(half), 0, _MOST_BROUGHT))
    have, more = sum(w.have for w in wanted), sum(w.more for w in wanted)
    # No better than where nothing contradicts anything.
    top = max(whole, float(right[known & (own == has)].mean()))
    then = min(top, whole + doubling * math.log2((have + more) / max(have, 1)))
    return Gather(wanted, now, whole, then)


def _more(have: int) -> int:
    """Returns how many to gather, in tens: none where there are plenty."""
    return 0 if have >= _PLENTY else 10 * math.ceil(max(_LEAST, _AIM - have) / 10)


def _cells_alike(right: np.ndarray, cells: list[tuple[np.ndarray, str, str]]) -> float | None:
    shares = [right[rows].mean() for rows, _, _ in cells if rows.any()]
    return float(np.mean(shares)) if shares else None


def _opposing_right(
    evidence: Evidence, values: np.ndarray, cells: list[tuple[np.ndarray, str, str]],
    kept: np.ndarray, kind: int, seed: int,
) -> float:  # fmt: skip
    """Returns the share of opposing images answered rightly by a model that learnt from some."""
    assert evidence.space is not None
    assert evidence.beside is not None
    weights = np.where(kept, cell_weights(evidence.targets, np.where(kept, values, -1)), 0)
    found = held_out(
        evidence.space, evidence.targets, evidence.clusters, weights=weights,
        folds=evidence.beside.folds, strengths=_STRENGTHS, seed=seed,
    )  # fmt: skip
    right = (found.scores.argmax(axis=1) == kind) == (evidence.targets == kind)
    return _cells_alike(right, cells) or 0.0
