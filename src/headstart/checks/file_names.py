"""What file names say of who belongs together, and of the class: heads, numbers, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from headstart.checks.shortcuts import measurable
from headstart.checks.skill import skill
from headstart.data.dataset import Dataset
from headstart.records import Finding

__all__ = ["check_name_heads", "check_name_numbers"]

_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])"
    r"(?:[-_ T.]{0,3}([01]\d|2[0-3])[-_.:hH]?([0-5]\d)(?:[-_.:mM]?([0-5]\d))?)?"
)
_MOST = 0.9  # of the images have a number at this place, or it is none of the naming
_OWN = 0.8  # of the images of a class have a number of their own; else it is a code
_LEAST, _MUCH = 0.1, 0.3
_FEWEST = 40
_SHOWN = 12


def check_name_heads(dataset: Dataset) -> Iterator[Finding]:
    """Names such as ``p07_frame12`` in which the first part recurs: a person, a video?"""
    if dataset.groups is not None or len(dataset) < 20:
        return
    heads = [re.split(r"[_\- .]", stem, maxsplit=1) for stem in _stems(dataset)]
    if sum(len(head) == 2 for head in heads) < 0.9 * len(heads):
        return
    parts = np.array([head[0] for head in heads])
    firsts, numbers, counts = np.unique(parts, return_inverse=True, return_counts=True)
    # More groups than classes, or they would only repeat the labels.
    kinds = len(dataset.labels.kinds)
    cells = len(np.unique(np.stack([numbers, dataset.labels.strata]), axis=1).T)
    if not (max(5, 2 * kinds) <= len(firsts) <= len(heads) / 3) or (
        cells == len(firsts) and len(firsts) <= kinds
    ):
        return
    # A column says what they are: an age, a grade.
    if any(_same_cells(parts, column) for column in dataset.attributes.values()):
        return
    some = np.argsort(-counts, kind="stable")[:6]
    # Ids are written as wide as the longest, 007; what is measured is not.
    measured = all(head.isdecimal() for head in firsts) and len({len(h) for h in firsts}) > 1
    what, who = "recurring parts", "perhaps persons, videos or devices"
    if measured:
        what, who = "recurring numbers", "which may be ids, or a measurement such as an age"
    yield Finding(
        "possible_groups",
        "note",
        f"File names begin with one of {len(firsts):,} {what}, {who}.",
        tuple(f"{firsts[k]}: {counts[k]} images" for k in some),
        f"If {'they are ids of what' if measured else 'images of one part'} "
        f"{'was photographed several times' if measured else 'resemble each other'}, put the part "
        "into a column of attributes.csv and name it with --group, so that none lies on both sides "
        "of a split.",
        len(firsts),
    )


def check_name_numbers(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    """Says that the numbers or dates in file names tell the class, where each image has its own.

    Numbers that begin anew in each class tell nothing but how many images it has, and are compared
    only as far as all of them reach. A number that all images of a class share is its code.

    Args:
        dataset: N items.
        clusters: (N,) int of duplicates and groups, whose members prove something only once.
    """
    found = []
    for what, place in _places(_stems(dataset)).items():
        named = np.flatnonzero(~np.isnan(place))
        known = measurable(dataset, named)
        if what != "date" and len(known):
            known = measurable(dataset, _comparable(dataset, known, place))
        if len(known) < _FEWEST:
            continue
        targets = dataset.labels.strata[known]
        value, low = skill(place[known][:, None], targets, clusters[known])
        if low >= _LEAST:
            found.append((low, value, what, known, place))
    if not found:
        return
    low, value, what, known, place = max(found, key=lambda each: each[0])
    dates = what == "date"
    chance = 1 / len(np.unique(dataset.labels.strata[known]))
    yield Finding(
        "names_tell_class",
        "warning" if dates and low >= _MUCH else "note",
        f"The {'dates' if dates else 'numbers'} in the file names alone tell the class with a "
        f"balanced accuracy of {chance + value * (1 - chance):.0%}, where guessing has "
        f"{chance:.0%} (at least {chance + low * (1 - chance):.0%} with 95% confidence).",
        _ranges(dataset, known, place),
        "A model does not see names; but what was taken one after the other looks alike. If each "
        "class was taken at a time of its own, light, place or camera may tell it: take every "
        "class at every time, put the session into a column and name it with --group. "
        + ("" if dates else "If files were only numbered class by class, nothing must be done."),
        len(known),
    )  # fmt: skip


def _stems(dataset: Dataset) -> list[str]:
    return [name.rpartition("/")[2].rpartition(".")[0] for name in dataset.names]


def _same_cells(parts: np.ndarray, column: np.ndarray) -> bool:
    return len(column) > 0 and float((parts == column).mean()) >= _MOST


def _places(stems: list[str]) -> dict[str, np.ndarray]:
    """Returns what may order images: dates, or the first and the last number; (N,) float."""
    dates = [_DATE.search(stem) for stem in stems]
    if sum(date is not None for date in dates) >= _MOST * len(stems) > 0:
        return {"date": np.array([_moment(date) if date else np.nan for date in dates])}
    runs = [re.findall(r"\d+", stem) for stem in stems]
    found = {
        "last": np.array([float(run[-1]) if run else np.nan for run in runs]),
        "first": np.array([float(run[0]) if run else np.nan for run in runs]),
    }
    if np.array_equal(found["first"], found["last"], equal_nan=True):
        del found["first"]
    return {
        what: place
        for what, place in found.items()
        if np.isfinite(place).sum() >= _MOST * len(place)
    }


def _moment(date: re.Match[str]) -> float:
    return float("".join(part or "00" for part in date.groups()))


def _comparable(dataset: Dataset, known: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Returns the items whose numbers can say something of their class."""
    strata = dataset.labels.strata[known]
    classes = np.unique(strata)
    own = [place[known][strata == each] for each in classes]
    if any(len(np.unique(numbers)) < _OWN * len(numbers) for numbers in own):
        return known[:0]
    # Counted from the start: the smallest is as near to none as its neighbours are to each other.
    anew = [bool(n.min() <= 1 or n.min() <= 5 * (n.max() - n.min()) / len(n)) for n in own]
    if sum(anew) < 2:
        return known
    reach = min(float(n.max()) for n, begins in zip(own, anew) if begins)
    begins = np.isin(strata, classes[np.array(anew)])
    return known[~begins | (place[known] <= reach)]


def _ranges(dataset: Dataset, known: np.ndarray, place: np.ndarray) -> tuple[str, ...]:
    strata, kinds = dataset.labels.strata[known], dataset.labels.kinds
    lines = []
    for each in np.unique(strata)[:_SHOWN]:
        own = np.sort(place[known][strata == each])
        middle = own[len(own) // 4], own[(3 * len(own)) // 4]
        lines.append(
            f"{kinds[each]}: {own[0]:.0f} to {own[-1]:.0f}, half of them {middle[0]:.0f} to "
            f"{middle[1]:.0f}"
        )
    return tuple(lines)
