"""The thresholds of a gallery, calibrated on the photos that are enrolled in it.

Two questions, two thresholds. *Identify*: each photo in turn is an impostor, whose own
person is taken out of the gallery, and the best of the others is the score that must be
rejected; and it is genuine, scored by the other photos of its own person. *Verify*:
every pair of photos, of one person or of two. (ISO/IEC 19795-1 calls the rates FPIR and
FMR.) Intervals draw whole people, see `headstart.metrics.subgroup_errors`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.choices import Method
from headstart.gallery.leave_one_out import MOST, Trials, leave_one_out
from headstart.metrics.subgroup_errors import linked, pair_rate, person_rate, person_weights
from headstart.metrics.verification import safe_threshold, threshold_interval
from headstart.records import Estimate, is_number, to_json

__all__ = ["Calibration", "Operating", "Subgroup", "calibrate", "knows_nobody", "useless"]

_VALUES = 8  # more different values are no subgroups but a number or a name
_NOBODY = 0.05  # a gallery that knows no more of its own photos again is of no use
_HALF = 0.5  # with fewer people than tell that from half of them, it may be chance
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
        summary: What a reader must know, in sentences.
    """

    far: float
    people: int
    photos: int
    identify: Operating
    verify: Operating
    subgroups: tuple[Subgroup, ...] = ()
    summary: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold; `from_json` is the way back."""
        value: dict[str, Any] = json.loads(to_json(self))
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """Rebuilds a calibration as JSON kept it.

        Raises:
            ValueError: If a number is none.
        """
        numbers = [value["far"], value["people"], value["photos"]]
        numbers += [value[each]["threshold"]["value"] for each in ("identify", "verify")]
        if not all(is_number(each) for each in numbers):
            raise ValueError("one of its numbers is none")
        if not all(isinstance(each, str) for each in value["summary"]):
            raise ValueError("its summary is no text")
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
            tuple(value["summary"]),
        )


def calibrate(
    vectors: np.ndarray,
    owners: np.ndarray,
    *,
    far: float,
    method: Method = "knn",
    k: int = 1,
    attributes: Sequence[dict[str, str]] = (),
    most: int = MOST,
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
        most: See `leave_one_out`.
        seed: Of the draws.

    Returns:
        The calibration; None where fewer than two people are enrolled.
    """
    enrolled = len(np.unique(owners))
    if enrolled < 2:
        return None
    trials = leave_one_out(vectors, owners, method=method, k=k, most=most, seed=seed)
    everything = np.ones(len(trials.photos), bool)
    identify = _identify(trials, everything, far, None, seed, enrolled)
    verify = _verify(trials, everything, far, None, seed)
    assert verify is not None, "two people give a pair"
    summary = list(_describe(trials, identify, verify, far, len(vectors)))
    groups = []
    for column, values in _columns(attributes, trials.photos, summary):
        for value in sorted(set(values) - {""}):
            chosen = np.array(values) == value
            groups.append(
                Subgroup(
                    column,
                    value,
                    len(np.unique(trials.people[chosen])),
                    int(chosen.sum()),
                    _identify(trials, chosen, far, identify.threshold.value, seed, enrolled),
                    _verify(trials, chosen, far, verify.threshold.value, seed),
                )
            )
    return Calibration(far, enrolled, len(vectors), identify, verify, tuple(groups), tuple(summary))


def knows_nobody(found: Calibration, gallery: str) -> str:
    """Says that a gallery knows hardly anybody again; empty where that cannot be said.

    Args:
        found: Its calibration.
        gallery: Its folder.
    """
    known = found.identify.tar
    if not known.n or known.value > _NOBODY:
        return ""
    how = "nobody" if known.value == 0 else "hardly anybody"
    return (
        f"{gallery} recognises {how}: of the {known.n:,} photos enrolled {known} are known again "
        f"at its threshold. The network may not see faces as it must (--faces, alignment), or "
        f"photos lie under the wrong people."
    )


def useless(found: Calibration) -> bool:
    """Tells whether what `knows_nobody` says is more than chance among few photos."""
    return bool(knows_nobody(found, "")) and found.identify.tar.high < _HALF


def _identify(
    trials: Trials,
    chosen: np.ndarray,
    far: float,
    common: float | None,
    seed: int,
    enrolled: int,
) -> Operating:
    scores, people, impostors = (
        trials.best_impostor[chosen],
        trials.people[chosen],
        trials.impostors[chosen],
    )

    def rate(limit: float) -> Estimate:
        accepted = scores > limit
        return person_rate(accepted, linked(people, impostors, accepted), seed=seed)

    # Each stranger met one person fewer than the gallery has; the rate grows with its size.
    alone = safe_threshold(scores, far * (enrolled - 1) / enrolled)
    limit = alone if common is None else common
    known = chosen & ~np.isnan(trials.genuine)
    return Operating(
        threshold_interval(scores, alone, rate(alone)),
        far=rate(limit),
        tar=person_rate(trials.genuine[known] > limit, trials.people[known], seed=seed),
        shown=far * len(scores) >= _RULE,
    )


def _verify(
    trials: Trials, chosen: np.ndarray, far: float, common: float | None, seed: int
) -> Operating | None:
    inside = chosen[trials.pairs].all(axis=1)
    genuine, impostor = inside & trials.same, np.flatnonzero(inside & ~trials.same)
    if not len(impostor):
        return None
    scores = trials.scores[impostor]
    photos = np.bincount(trials.people[chosen], minlength=trials.count)
    weights = person_weights(trials.count, seed=seed)

    def rate(limit: float) -> Estimate:
        accepted = trials.pairs[impostor[scores > limit]]
        return pair_rate(trials.people[accepted], photos, weights)

    alone = safe_threshold(scores, far)
    limit = alone if common is None else common
    return Operating(
        threshold_interval(scores, alone, rate(alone)),
        far=rate(limit),
        tar=person_rate(
            trials.scores[genuine] > limit, trials.people[trials.pairs[genuine, 0]], seed=seed
        ),
        shown=far * len(impostor) >= _RULE,
    )


def _columns(
    attributes: Sequence[dict[str, str]], photos: np.ndarray, summary: list[str]
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
            summary.append(
                f"{column} has {kinds} different values, too many for subgroups: put them into "
                f"classes (at most {_VALUES}) in a column of its own."
            )
    return found


def _describe(
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
                f"{trials.count:,} people). The threshold is the best estimate; the interval says "
                f"what the rate may be in truth."
            )
    if np.isnan(trials.genuine).all():
        lines.append("Everybody has one photo: how often known people are accepted is unknown.")
    return lines
