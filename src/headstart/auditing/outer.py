"""`audit_outer`: what no column names: light, colour, border, corners, file and camera.

Each property is asked twice. Told by it: how well does it alone tell the class, out of fold? Used:
among images of one class, does the model's held-out score follow what the property says?
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.auditing.attribute import Attribute
from headstart.auditing.confound import Confound, Verdict, confound_of
from headstart.auditing.evidence import Evidence
from headstart.checks.outside import CONTENT, ORDER, UNSEEN, numbers_in_names, outside_of
from headstart.checks.skill import category_skill, skill, told_classes
from headstart.compute import Compute
from headstart.images.outer import NUMBERS, SEVERAL, WORDS, OuterProperties
from headstart.metrics.confound import holm

__all__ = ["Outside", "Outer", "audit_outer", "measure_outer"]

_MOST, _FEWEST = 1_000, 40
_LEAST, _MUCH = 0.1, 0.3  # shares of the way from guessing to certainty
_LEVEL = 0.05
_BESIDE = (
    "no model sees it: the images are in such an order, and what changed along with it may be seen"
)
_SAVED = ("size", "file format", "colour mode", "JPEG tables", "bytes a pixel")


@dataclass(frozen=True)
class Outer:
    """One property that tells the class.

    Attributes:
        name: Of the property.
        verdict: ``"serious"``, ``"warning"`` or ``"fine"``.
        n: Images.
        chance: Balanced accuracy of guessing.
        told: Balanced accuracy of the property alone.
        told_low: Lower end of its 95 % interval.
        used: Chance that the score for a class is higher where the property says that class,
            among images of one true class.
        p_adjusted: By permutation, for all properties together.
        claim: The same in a sentence.
        remedy: What to do; empty where nothing is.
    """

    name: str
    verdict: Verdict
    n: int
    chance: float
    told: float
    told_low: float
    used: float
    p_adjusted: float
    claim: str
    remedy: str = ""


@dataclass(frozen=True)
class Outside:
    """What some images of an audit are like from outside.

    Attributes:
        rows: (m,) int which of them.
        each: m of them.
    """

    rows: np.ndarray
    each: list[OuterProperties]


def audit_outer(evidence: Evidence, outside: Outside) -> list[Outer]:
    """Asks which outer properties tell the class, and whether the score follows them.

    Args:
        evidence: Held-out answers.
        outside: What the images are like.

    Returns:
        Properties that tell the class, the worst first; none where the images are gone.
    """
    rows, measured = outside.rows, outside.each
    if len(rows) < _FEWEST:
        return []
    part = _taken(evidence, rows)
    if np.bincount(part.targets, minlength=len(part.kinds)).min() < 2:
        return []
    found = []
    for name in (*NUMBERS, ORDER, *WORDS):
        asked = _asked(name, measured, part)
        if asked is not None:
            found.append(asked)
    chance = 1 / len(part.kinds)
    told = []
    for (name, value, low, one), p in zip(
        found, holm([each.p_value for *_, each in found]), strict=True
    ):
        one = dataclasses.replace(one, p_adjusted=p)
        verdict = _judged(name, low, one)
        ends = [chance + share * (1 - chance) for share in (value, low)]
        claim = _claim(name, (ends[0], ends[1], chance), one, verdict)
        remedy = "" if verdict == "fine" else _remedy(name)
        figures = (chance, ends[0], ends[1], one.used, p)
        told.append(Outer(name, verdict, len(rows), *figures, claim, remedy))
    order = {"serious": 0, "warning": 1, "fine": 2}
    return sorted(told, key=lambda each: (order[each.verdict], -each.told_low))


def measure_outer(evidence: Evidence, compute: Compute) -> Outside:
    """Measures up to 1,000 images, whose files are read for it.

    Args:
        evidence: Whose images.
        compute: Its seed is that of what is drawn.
    """
    n = len(evidence)
    rows = np.arange(n)
    if n > _MOST:
        rows = np.sort(np.random.default_rng(compute.seed).choice(n, _MOST, replace=False))

    measured = outside_of(evidence.dataset, rows, compute)
    order = numbers_in_names([evidence.dataset.names[row] for row in rows])
    kept, found = [], []
    for row, number, each in zip(rows.tolist(), order, measured, strict=True):
        if each is not None:
            kept.append(row)
            numbers = each.numbers | {ORDER: np.array([number])}
            found.append(dataclasses.replace(each, numbers=numbers))
    return Outside(np.array(kept, int), found)


def _taken(evidence: Evidence, rows: np.ndarray) -> Evidence:
    present, targets = np.unique(evidence.targets[rows], return_inverse=True)
    return dataclasses.replace(
        evidence, dataset=evidence.dataset.take(rows),
        kinds=tuple(evidence.kinds[each] for each in present), targets=targets.reshape(-1),
        clusters=evidence.clusters[rows], scores=evidence.scores[rows][:, present],
        models=evidence.models[rows], tested=evidence.tested[rows], space=None, beside=None,
        earlier=None,
    )  # fmt: skip


def _asked(
    name: str, measured: list[OuterProperties], evidence: Evidence
) -> tuple[str, float, float, Confound] | None:
    """Returns skill, its lower end, and what it says as an attribute; None of what says nothing."""
    targets, clusters = evidence.targets, evidence.clusters
    columns: Any
    if name == ORDER or name in NUMBERS:
        columns = np.stack([each.numbers[name] for each in measured])
        unknown = np.isnan(columns).any(axis=1)
        if unknown.mean() > 0.5 or (columns == columns[0]).all():
            return None
        columns = np.nan_to_num(columns, nan=-1.0)
        value, low = skill(columns, targets, clusters)
    else:
        words = np.array([each.words[name] for each in measured])
        if len(np.unique(words)) < 2:
            return None
        columns = np.unique(words, return_inverse=True)[1].reshape(-1)
        value, low = category_skill(columns, targets, clusters)
    if low < _LEAST:
        return None
    said = told_classes(columns, targets, clusters)
    one = confound_of(evidence, Attribute(name, said, evidence.kinds))
    return None if isinstance(one, str) else (name, value, low, one)


def _judged(name: str, low: float, found: Confound) -> Verdict:
    if not _followed(found):
        # Another model may use what this one has no need of; but none can see a file's name.
        seen = name not in CONTENT and name != ORDER
        return "warning" if low >= _MUCH and seen else "fine"
    costs = found.cost is not None and found.cost.low > 0
    grave = low >= _MUCH and costs and name not in CONTENT and name not in UNSEEN
    return "serious" if grave else "warning"


def _claim(name: str, told: tuple[float, float, float], found: Confound, verdict: Verdict) -> str:
    value, low, chance = told
    whether = "" if name not in UNSEEN else f"; {_BESIDE}"
    said = (
        f"{name[0].upper()}{name[1:]} alone tell{'' if name in SEVERAL else 's'} the class with a "
        f"balanced accuracy of "
        f"{_percent(value)} (at least {_percent(low)}; guessing {_percent(chance)})"
    )
    if not _followed(found):
        another = "" if verdict == "fine" else ": this model has no need of it, another may"
        return f"{said}; among images of one class the score was not seen to follow it{another}."
    p = "0.001 or less" if found.p_adjusted <= 0.001 else f"{found.p_adjusted:.2g}"
    follows = (
        f"and among images of one class the score follows it (in {100 * found.used:.0f} of 100 "
        f"pairs, where 50 is chance; p = {p})"
    )
    return f"{said}, {follows}{whether}."


def _followed(found: Confound) -> bool:
    return found.p_adjusted < _LEVEL and found.used > 0.5


def _remedy(name: str) -> str:
    if name in UNSEEN:
        return (
            "Look at what else changed along with it, such as place, light, camera or who took "
            "them: gather the classes in turn."
        )
    if name in CONTENT:
        return (
            "Where the classes simply look like that, nothing must be done. Where that comes of "
            "place, light or camera, gather the classes under the same conditions."
        )
    alike = " or save all of them alike before training" if name in _SAVED else ""
    return f"It comes from how the images were made: gather the classes in the same way{alike}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"
