"""The thresholds of a gallery, calibrated on the photos that are enrolled in it.

Two questions, two thresholds. *Identify*: each photo in turn plays a stranger, whose own
person is taken out of the gallery, and the best of the others is the score that must be
rejected; and it plays a known person, scored by the other photos of its own. *Verify*:
every pair of photos, of one person or of two. (ISO/IEC 19795-1 calls the rates FPIR and
FMR.) Intervals draw whole people, see `headstart.metrics.verification`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headstart.gallery.search import Method, unit
from headstart.metrics.verification import (
    pair_rate,
    person_rate,
    person_weights,
    threshold_interval,
)
from headstart.records import Estimate, to_json

__all__ = ["Calibration", "Operating", "Subgroup", "Trials", "calibrate", "play"]

_MOST = 1500  # photos that play strangers: 1.1 million pairs
_BLOCK = 64
_VALUES = 8  # more different values are no subgroups but a number or a name
# The highest impostor scores decide a threshold; replicates look a little further down.
_TAIL = 6
_FEWEST = 2000
_RULE = 3  # nothing among n: at most 3 / n, with 95 % (Hanley and Lippman-Hand, JAMA 1983)


@dataclass(frozen=True)
class Operating:
    """A threshold and what it does on the enrolled photos.

    Attributes:
        threshold: Scores above it are accepted; those at it are not.
        far: Share of impostor scores accepted.
        tar: Share of genuine scores accepted; NaN where everybody has one photo.
        shown: Whether there are scores enough (three for every one that may be accepted) to show
            that the false-accept rate asked for is kept.
    """

    threshold: Estimate
    far: Estimate
    tar: Estimate
    shown: bool

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Operating:
        """Rebuilds it as JSON kept it."""
        parts = {key: Estimate.from_json(value[key]) for key in ("threshold", "far", "tar")}
        return cls(**parts, shown=bool(value["shown"]))


@dataclass(frozen=True)
class Subgroup:
    """What the common thresholds do within one subgroup.

    Attributes:
        column: Of the attributes.
        value: In that column.
        people: With photos of that value.
        photos: Of that value.
        identify: The threshold that the subgroup alone would have, and the rates under the
            common one: strangers of the subgroup against everybody enrolled.
        verify: Likewise of pairs within the subgroup; None where it has fewer than two people.
    """

    column: str
    value: str
    people: int
    photos: int
    identify: Operating
    verify: Operating | None


@dataclass(frozen=True)
class Calibration:
    """What a gallery knows about its own thresholds.

    Attributes:
        far: The false-accept rate that was asked for.
        people: Enrolled.
        photos: Enrolled.
        identify: For a photo against the whole gallery.
        verify: For a photo against a photo.
        subgroups: By attribute, where there are any.
        says: What a reader must know, in sentences.
    """

    far: float
    people: int
    photos: int
    identify: Operating
    verify: Operating
    subgroups: tuple[Subgroup, ...] = ()
    says: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold; `from_json` is the way back."""
        value: dict[str, Any] = json.loads(to_json(self))
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """Rebuilds a calibration as JSON kept it."""
        groups = tuple(
            Subgroup(
                each["column"],
                each["value"],
                each["people"],
                each["photos"],
                Operating.from_json(each["identify"]),
                Operating.from_json(each["verify"]) if each["verify"] else None,
            )
            for each in value["subgroups"]
        )
        return cls(
            value["far"],
            value["people"],
            value["photos"],
            Operating.from_json(value["identify"]),
            Operating.from_json(value["verify"]),
            groups,
            tuple(value["says"]),
        )


@dataclass(frozen=True)
class Trials:
    """The scores of n photos that each played a stranger and a known person.

    Attributes:
        photos: (n,) int rows of the photos among all that were given.
        people: (n,) int 0..Q-1.
        own: (n,) score of the own person without that photo; NaN where it is the only one.
        other: (n,) score of the best other person.
        ranks: (n,) int place of the own person among all, 1 for the best; 0 where `own` is NaN.
        pairs: (m, 2) int places in `photos`, of every pair.
        scores: (m,) float32 cosine of each pair.
        count: Q.
    """

    photos: np.ndarray
    people: np.ndarray
    own: np.ndarray
    other: np.ndarray
    ranks: np.ndarray
    pairs: np.ndarray
    scores: np.ndarray
    count: int = field(default=0)

    @property
    def same(self) -> np.ndarray:
        """(m,) bool: which pairs are of one person."""
        return np.asarray(self.people[self.pairs[:, 0]] == self.people[self.pairs[:, 1]])


def play(
    vectors: np.ndarray,
    owners: np.ndarray,
    *,
    method: Method = "knn",
    k: int = 1,
    most: int = _MOST,
    seed: int = 0,
) -> Trials:
    """Lets each photo play the stranger and the known person, everybody else being enrolled.

    Args:
        vectors: (N, D) float32 of length 1.
        owners: (N,) person of each, at least two different ones.
        method: How a person is scored, see `headstart.gallery.search`.
        k: Of `knn`.
        most: Photos that play; of more, all photos of people drawn at random.
        seed: Of that draw.
    """
    order = np.argsort(owners, kind="stable")
    _, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    vectors = np.ascontiguousarray(vectors[order])
    people = np.repeat(np.arange(len(starts)), counts)
    drawn = np.arange(len(starts))
    if len(vectors) > most:
        mixed = np.random.default_rng(seed).permutation(len(starts))
        enough = int(np.searchsorted(np.cumsum(counts[mixed]), most)) + 1
        drawn = np.sort(mixed[: max(2, enough)])
    probes = np.flatnonzero(np.isin(people, drawn))
    sums = np.add.reduceat(vectors, starts, axis=0, dtype=np.float64)
    centroids = unit(sums) if method == "centroid" else np.empty((0, 0), np.float32)
    own, other = np.full(len(probes), np.nan), np.empty(len(probes))
    ranks = np.zeros(len(probes), int)
    for begin in range(0, len(probes), _BLOCK):
        block = probes[begin : begin + _BLOCK]
        if method == "knn":
            cosines = vectors[block] @ vectors.T
            scores = _by_person(cosines, starts, counts, k)
        else:
            scores = vectors[block] @ centroids.T
        for row, at in enumerate(block.tolist()):
            person = people[at]
            if counts[person] > 1 and method == "knn":
                first = starts[person]
                mine = np.delete(cosines[row, first : first + counts[person]], at - first)
                own[begin + row] = np.sort(mine)[-k:].mean()
            elif counts[person] > 1:
                rest = unit((sums[person] - vectors[at])[None])[0]
                own[begin + row] = vectors[at] @ rest
            scores[row, person] = -np.inf
            if counts[person] > 1:
                ranks[begin + row] = 1 + int((scores[row] >= own[begin + row]).sum())
        other[begin : begin + len(block)] = scores.max(axis=1)
    codes = np.searchsorted(drawn, people[probes])
    pairs = np.stack(np.triu_indices(len(probes), 1), axis=1).astype(np.int32)
    cosines = vectors[probes] @ vectors[probes].T
    cosines = cosines[pairs[:, 0], pairs[:, 1]]
    return Trials(order[probes], codes, own, other, ranks, pairs, cosines, len(drawn))


def _by_person(cosines: np.ndarray, starts: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Scores everybody: (b, N) cosines, people side by side, become (b, P)."""
    if k == 1:
        return np.maximum.reduceat(cosines, starts, axis=1)
    result = np.empty((len(cosines), len(starts)), np.float32)
    for count in np.unique(counts):  # people with as many photos at once
        chosen = np.flatnonzero(counts == count)
        each = cosines[:, starts[chosen][:, None] + np.arange(count)]
        if count > k:
            each = np.partition(each, count - k, axis=2)[:, :, count - k :]
        result[:, chosen] = each.mean(axis=2)
    return result


def calibrate(
    vectors: np.ndarray,
    owners: np.ndarray,
    *,
    far: float,
    method: Method = "knn",
    k: int = 1,
    attributes: Sequence[dict[str, str]] = (),
    most: int = _MOST,
    seed: int = 0,
) -> Calibration | None:
    """Chooses the thresholds that keep a false-accept rate on the enrolled photos.

    Args:
        vectors: (N, D) float32 of length 1.
        owners: (N,) person of each.
        far: Share of strangers, and of pairs of different people, that may be accepted.
        method: How a person is scored.
        k: Of `knn`.
        attributes: N dicts, or none: column -> value of each photo.
        most: See `play`.
        seed: Of the draws.

    Returns:
        The calibration; None where fewer than two people are enrolled.
    """
    enrolled = len(np.unique(owners))
    if enrolled < 2:
        return None
    trials = play(vectors, owners, method=method, k=k, most=most, seed=seed)
    everything = np.ones(len(trials.photos), bool)
    weights = person_weights(trials.count, seed=seed)
    identify = _identify(trials, everything, far, weights, None)
    verify = _verify(trials, everything, far, weights, None)
    assert verify is not None, "two people give a pair"
    says = list(_says(trials, identify, verify, far, len(vectors)))
    groups = []
    for column, values in _columns(attributes, trials.photos, says):
        for value in sorted(set(values) - {""}):
            chosen = np.array(values) == value
            groups.append(
                Subgroup(
                    column,
                    value,
                    len(np.unique(trials.people[chosen])),
                    int(chosen.sum()),
                    _identify(trials, chosen, far, weights, identify.threshold.value),
                    _verify(trials, chosen, far, weights, verify.threshold.value),
                )
            )
    return Calibration(far, enrolled, len(vectors), identify, verify, tuple(groups), tuple(says))


def _identify(
    trials: Trials, chosen: np.ndarray, far: float, weights: np.ndarray, common: float | None
) -> Operating:
    scores, people = trials.other[chosen], trials.people[chosen]
    pairs = np.stack((people, people), axis=1)
    totals = weights[:, people].sum(axis=1)
    threshold = threshold_interval(
        scores, pairs, far, people=len(np.unique(people)), total=len(scores), weights=weights,
        totals=totals,
    )  # fmt: skip
    limit = threshold.value if common is None else common
    known = chosen & ~np.isnan(trials.own)
    return Operating(
        threshold,
        far=person_rate(scores > limit, people),
        tar=person_rate(trials.own[known] > limit, trials.people[known]),
        shown=far * len(scores) >= _RULE,
    )


def _verify(
    trials: Trials, chosen: np.ndarray, far: float, weights: np.ndarray, common: float | None
) -> Operating | None:
    inside = chosen[trials.pairs].all(axis=1)
    genuine, impostor = inside & trials.same, np.flatnonzero(inside & ~trials.same)
    if not len(impostor):
        return None
    people = len(np.unique(trials.people[chosen]))
    photos = np.bincount(trials.people[chosen], minlength=trials.count)
    drawn = weights * photos
    # What all pairs of different people weigh, without going through them.
    totals = (drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)) / 2
    deep = min(len(impostor), max(_FEWEST, math.ceil(_TAIL * far * len(impostor))))
    tail = impostor[np.argpartition(-trials.scores[impostor], deep - 1)[:deep]]
    scores = trials.scores[tail].astype(np.float64)
    pairs = trials.people[trials.pairs[tail]]
    threshold = threshold_interval(
        scores, pairs, far, people=people, total=len(impostor), weights=weights, totals=totals
    )
    limit = threshold.value if common is None else common
    above = trials.people[trials.pairs[impostor[trials.scores[impostor] > limit]]]
    return Operating(
        threshold,
        far=pair_rate(above, photos, weights),
        tar=person_rate(trials.scores[genuine] > limit, trials.people[trials.pairs[genuine, 0]]),
        shown=far * len(impostor) >= _RULE,
    )


def _columns(
    attributes: Sequence[dict[str, str]], photos: np.ndarray, says: list[str]
) -> list[tuple[str, list[str]]]:
    """Returns the columns that make subgroups, with the value of each photo."""
    if not attributes:
        return []
    rows = [attributes[at] for at in photos.tolist()]
    found = []
    for column in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(column, "") for row in rows]
        kinds = len(set(values) - {""})
        if 2 <= kinds <= _VALUES:
            found.append((column, values))
        elif kinds > _VALUES:
            says.append(
                f"{column} has {kinds} different values, too many for subgroups: put them into "
                f"classes (at most {_VALUES}) in a column of its own."
            )
    return found


def _says(
    trials: Trials, identify: Operating, verify: Operating, far: float, photos: int
) -> list[str]:
    lines = []
    if len(trials.photos) < photos:
        lines.append(
            f"Calibrated with {len(trials.photos):,} of {photos:,} photos: all of "
            f"{trials.count:,} people drawn at random, against everybody."
        )
    for what, each, noun in (
        ("identify", identify, "strangers"),
        ("verify", verify, "pairs of different people"),
    ):
        if not each.shown:
            n = each.threshold.n
            lines.append(
                f"A false-accept rate of {far:g} cannot be shown for {what}: that takes "
                f"{math.ceil(_RULE / far):,} {noun}, and there are {n:,} (photos of "
                f"{trials.count:,} people). The threshold is the best estimate; if nothing is "
                f"accepted at it here, the rate may still be {min(1.0, _RULE / n):.2g}."
            )
    if np.isnan(trials.own).all():
        lines.append("Everybody has one photo: how often known people are accepted is unknown.")
    return lines
