"""`confound_of`: one attribute, asked whether a model leans on it, and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.auditing.attribute import Attribute
from headstart.auditing.direction import by_chance, changed_answers
from headstart.auditing.evidence import Evidence, bands_of
from headstart.auditing.gather import Gather
from headstart.checks.skill import category_skill
from headstart.metrics.auroc import within_interval
from headstart.metrics.confound import (
    Pair,
    dependence,
    mean_of_shares,
    share_of_cell,
    tied_pairs,
)
from headstart.metrics.folds import fold_inflation
from headstart.metrics.interval import wilson
from headstart.probe.held_out import held_out
from headstart.records import Estimate

__all__ = ["Cell", "Confound", "Taught", "Verdict", "confound_of", "judged"]

Verdict = Literal["serious", "warning", "fine"]
_TIED = 0.55  # balanced accuracy with which the value tells the class, at least
_LEVEL = 0.05
_CARRIED_ON = 2_000
_NEEDED = 3  # images of a cell before its share of right answers is counted


@dataclass(frozen=True)
class Cell:
    """The images of one class, or of all others, with a value or without it.

    Attributes:
        kind: Class, or all others together.
        value: Value, or all others together.
        images: How many.
        right: Share of them that is rightly called of the class, or rightly not.
        aligned: Whether they agree with what goes together.
    """

    kind: str
    value: str
    images: int
    right: Estimate
    aligned: bool


@dataclass(frozen=True)
class Taught:
    """One attribute of the images that a model learnt from.

    Attributes:
        targets: (M,) int classes.
        values: (M,) int values, -1 where not known.
        clusters: (M,) int.
    """

    targets: np.ndarray
    values: np.ndarray
    clusters: np.ndarray

    def known(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns targets, values and clusters of the images whose value is known."""
        kept = (self.values >= 0) & (self.targets >= 0)
        return self.targets[kept], self.values[kept], self.clusters[kept]


@dataclass(frozen=True)
class Confound:
    """What is known of one attribute.

    Attributes:
        column: Its name.
        note: How it was read, where that is not plain.
        kind: The class that is spoken of.
        value: The value that goes with it.
        others: What the other class and the other value are called, or all others together.
        verdict: ``"serious"``, ``"warning"`` or ``"fine"``.
        n: Images with a value.
        share: Of the class's images that have the value, and of all others'.
        associated: Balanced accuracy with which the value alone tells the class.
        skill: Balanced accuracy with which all values tell all classes, cross-validated.
        carried: Chance that a probe ranks an image with the value higher, within a class; None
            where there were no vectors.
        used: Chance that the held-out score for the class is higher with the value than without,
            within a class.
        p_value: By permutation, for all pairs of class and value together.
        p_adjusted: The same for all columns together (Holm).
        cells: Of the pair.
        aligned: Right answers where value and class agree, the two cells alike.
        opposing: Where they do not; None where there are too few.
        cost: The first less the second, or None.
        measured: Accuracy as the images are.
        unrelated: Accuracy where the attribute and the class would be unrelated: every value
            counting alike within every class; undefined where too few images contradict it.
        change: Share of answers that would be others with the other value, or None.
        change_by_chance: The same of a value dealt out at random.
        gather: What to gather, and what that would bring.
        alike: Other columns that say nearly the same of these images.
        taught: Whether `share` and `associated` are of other images, those that it learnt from.
        carried_area: The first of these two chances with its interval, where there is one.
        used_area: The other with its interval.
    """

    column: str
    note: str
    kind: str
    value: str
    others: tuple[str, str]
    verdict: Verdict
    n: int
    share: tuple[float, float]
    associated: Estimate
    skill: float
    carried: float | None
    used: float
    p_value: float
    p_adjusted: float
    cells: tuple[Cell, ...]
    aligned: Estimate | None
    opposing: Estimate | None
    cost: Estimate | None
    measured: Estimate
    unrelated: Estimate
    change: float | None
    change_by_chance: float | None
    gather: Gather | None = None
    taught: bool = False
    alike: tuple[str, ...] = ()
    carried_area: Estimate | None = None
    used_area: Estimate | None = None

    @property
    def tied(self) -> bool:
        """Whether the value tells the class."""
        return self.associated.low > _TIED

    @property
    def leans(self) -> bool:
        """Whether the held-out score depends on it."""
        return self.p_adjusted < _LEVEL and self.used > 0.5


def judged(found: Confound) -> Verdict:
    """Returns the verdict: serious where tied, used and surely costly; warning where only used."""
    if not (found.tied and found.leans):
        return "fine"
    sure = found.cost is not None and found.cost.low > 0
    return "serious" if sure else "warning"


def confound_of(
    evidence: Evidence, attribute: Attribute, taught: Taught | None = None, *, seed: int = 0
) -> Confound | str:
    """Asks one attribute everything but what to gather; its p-value is not yet for several.

    Args:
        evidence: Held-out answers to N images.
        attribute: Of the same.
        taught: What the model learnt from, where that is not these images: then what goes with
            what is told by it, and these images say whether the model leans on it.
        seed: Of permutations and draws.

    Returns:
        What was found; or, in one line, why it cannot be asked.
    """
    kept = np.flatnonzero(attribute.known)
    targets, values = evidence.targets[kept], attribute.values[kept]
    clusters, models = evidence.clusters[kept], evidence.models[kept]
    if len(np.unique(targets)) < 2 or len(np.unique(values)) < 2:
        return "leaves one class or one value where it is known"
    whence = taught or Taught(targets, values, clusters)
    pairs = [each for each in tied_pairs(*whence.known()) if _asked(each, attribute)]
    if not pairs:
        return "has no value that goes with a class and is seen in others too"
    scores, right = evidence.scores[kept], evidence.right[kept]
    bands = bands_of(evidence.dataset)[kept]
    apart = models * (bands.max() + 1) + bands
    found = dependence(scores, targets, values, pairs, models=apart, clusters=clusters, seed=seed)
    pair = pairs[found.worst]
    carried = _carried(evidence, attribute, kept, pair, seed)
    inflation = fold_inflation(models, of="answers")
    cells = _cells(evidence, attribute, kept, pair, inflation)
    sides = [[c.right for c in cells if c.aligned is side and c.images >= _NEEDED]
             for side in (True, False)]  # fmt: skip
    aligned, opposing = (mean_of_shares(side) if side else None for side in sides)
    cost = mean_of_shares(*sides) if all(sides) else None
    change = chance = None
    if evidence.beside is not None:
        change = changed_answers(evidence, attribute.values == pair.value, attribute.known)
        chance = by_chance(evidence, attribute.values == pair.value, attribute.known, seed=seed)
    told, _ = category_skill(values, targets, clusters)
    classes = len(np.unique(targets))
    (a, b), (c, d) = pair.counts
    return Confound(
        column=attribute.name, note=attribute.note, kind=evidence.kinds[pair.kind],
        value=attribute.words[pair.value], others=_others(evidence, attribute, pair),
        verdict="fine", n=len(kept), share=(a / (a + b), c / (c + d)),
        associated=_told(pair), skill=(1 + told * (classes - 1)) / classes,
        carried=None if carried is None else carried.value, used=found.aucs[found.worst],
        p_value=found.p_value, p_adjusted=found.p_value, cells=cells, aligned=aligned,
        opposing=opposing, cost=cost,
        measured=share_of_cell(right, clusters, inflation=inflation, seed=seed),
        unrelated=_undefined(cells) or _unrelated(right, targets, values, clusters, inflation),
        change=change, change_by_chance=chance, taught=taught is not None, carried_area=carried,
        used_area=_used(evidence, attribute, kept, pair, apart, seed),
    )  # fmt: skip


def _asked(pair: Pair, attribute: Attribute) -> bool:
    """Whether something contradicts the pair: of many values, other classes must have it too."""
    inside, outside = pair.opposing
    return inside + outside > 0 and (len(attribute.words) == 2 or outside > 1)


def _told(pair: Pair) -> Estimate:
    (a, b), (c, d) = pair.counts
    return Estimate(pair.told, pair.told_low, min(1.0, 2 * pair.told - pair.told_low),
                    a + b + c + d, "MOVER of Wilson 95%")  # fmt: skip


def _others(evidence: Evidence, attribute: Attribute, pair: Pair) -> tuple[str, str]:
    kinds, words = evidence.kinds, attribute.words
    return (
        kinds[1 - pair.kind] if len(kinds) == 2 else f"not {kinds[pair.kind]}",
        words[1 - pair.value] if len(words) == 2 else f"not {words[pair.value]}",
    )


def _cells(
    evidence: Evidence, attribute: Attribute, kept: np.ndarray, pair: Pair, inflation: float
) -> tuple[Cell, ...]:
    """Returns the four cells of a pair, those with images."""
    own = evidence.targets[kept] == pair.kind
    has = attribute.values[kept] == pair.value
    right = (evidence.scores[kept].argmax(axis=1) == pair.kind) == own
    kind, value = evidence.kinds[pair.kind], attribute.words[pair.value]
    others = _others(evidence, attribute, pair)
    found = []
    for is_kind in (True, False):
        for with_value in (True, False):
            rows = (own == is_kind) & (has == with_value)
            if rows.any():
                share = share_of_cell(
                    right[rows], evidence.clusters[kept][rows], inflation=inflation
                )
                names = (kind if is_kind else others[0], value if with_value else others[1])
                found.append(Cell(*names, int(rows.sum()), share, is_kind == with_value))
    return tuple(found)


def _undefined(cells: tuple[Cell, ...]) -> Estimate | None:
    """Returns why nobody can say what unrelated would be: without the rare cells it looks rosy."""
    few = [each.images for each in cells if not each.aligned and each.images < _NEEDED]
    if not few:
        return None
    why = f"undefined: only {few[0]} {'image contradicts' if few[0] == 1 else 'images contradict'}"
    return Estimate(math.nan, math.nan, math.nan, sum(few), f"{why} it in a class")


def _unrelated(
    right: np.ndarray, targets: np.ndarray, values: np.ndarray, clusters: np.ndarray,
    inflation: float,
) -> Estimate:  # fmt: skip
    """Returns accuracy with every value counting alike within every class."""
    classes = []
    for kind in np.unique(targets):
        cells = [
            share_of_cell(right[rows], clusters[rows], inflation=inflation)
            for value in np.unique(values[targets == kind])
            if (rows := (targets == kind) & (values == value)).sum() >= _NEEDED
        ]
        classes += [mean_of_shares(cells)] if cells else []
    if not classes:
        return wilson(0, 0)
    return mean_of_shares(classes)


def _used(
    evidence: Evidence, attribute: Attribute, kept: np.ndarray, pair: Pair, apart: np.ndarray,
    seed: int,
) -> Estimate:  # fmt: skip
    """Returns how often the score is higher with the value, within a class, with its interval."""
    return within_interval(
        evidence.scores[kept, pair.kind], evidence.targets[kept],
        attribute.values[kept] == pair.value, apart, evidence.clusters[kept],
        inflation=fold_inflation(evidence.models[kept], of="scores"), seed=seed,
    )  # fmt: skip


def _carried(
    evidence: Evidence, attribute: Attribute, kept: np.ndarray, pair: Pair, seed: int
) -> Estimate | None:
    """Returns how well a probe tells the value within a class, all four cells alike."""
    if evidence.space is None:
        return None
    if len(kept) > _CARRIED_ON:
        kept = np.sort(np.random.default_rng(seed).choice(kept, _CARRIED_ON, replace=False))
    has = (attribute.values[kept] == pair.value).astype(int)
    own = (evidence.targets[kept] == pair.kind).astype(int)
    counts = np.bincount(2 * own + has, minlength=4)
    if len(np.unique(has)) < 2:
        return None
    space = evidence.space
    part = type(space)(space.columns, space.axes, space.coordinates[kept])
    probed = held_out(
        part, has, evidence.clusters[kept], weights=1 / counts[2 * own + has],
        strengths=(1.0, 10.0, 100.0), seed=seed,
    )  # fmt: skip
    margin = probed.scores[:, 1] - probed.scores[:, 0]
    return within_interval(
        margin, evidence.targets[kept], has == 1, probed.folds, evidence.clusters[kept],
        inflation=fold_inflation(probed.folds, of="scores"), seed=seed,
    )  # fmt: skip
