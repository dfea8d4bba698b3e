"""Given columns that tell the class: a camera, a labeller, a place, a person of one class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headstart.checks.shortcuts import measurable
from headstart.checks.skill import category_skill, class_skills, skill
from headstart.data.dataset import Dataset
from headstart.data.tables.numbers import parse_numbers
from headstart.data.tables.ordered import AmbiguousDates, parse_dates
from headstart.records import Finding, Severity

__all__ = ["check_columns"]

# What tells how an image came to be, never what it shows; in one of the words of the name.
_CIRCUMSTANCES = frozenset(
    {
        *("annotator", "assay", "batch", "box", "cam", "camera", "center", "centre", "city"),
        *("clinic", "collector", "copyright", "country", "date", "day", "device", "equipment"),
        *("experimenter", "exposure", "farm", "field", "folder", "hospital", "host", "hour"),
        *("institution", "instrument", "investigator", "lab", "labeler", "labeller"),
        *("laboratory", "lens", "lighting", "location", "machine", "magnification"),
        *("manufacturer", "microscope", "model", "month", "night", "observer", "operator"),
        *("origin", "participant", "patient", "person", "phone", "photographer", "place"),
        *("plate", "plot", "provider", "rater", "reader", "recorder", "reviewer", "room", "run"),
        *("scanner", "series", "session", "setup", "site", "slide", "source", "stain"),
        *("staining", "station", "subject", "supplier", "survey", "time", "timestamp", "trip"),
        *("user", "vendor", "video", "visit", "week", "who", "worker", "year"),
    }
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_GRADES = 20  # numbers of more different values are a measurement, and near ones are alike
_LEAST, _MUCH = 0.1, 0.3
_PURE = 0.9
_SHOWN = 8


@dataclass(frozen=True)
class _Column:
    """A column, of the M items that count.

    Attributes:
        name: As the table has it.
        cells: (M,) str.
        targets: (M,) int classes 0 to C - 1.
        clusters: (M,) int.
        kinds: C names of classes.
    """

    name: str
    cells: np.ndarray
    targets: np.ndarray
    clusters: np.ndarray
    kinds: tuple[str, ...]

    @property
    def circumstance(self) -> bool:
        """Whether it is called as what cannot be part of what an image shows."""
        return not _CIRCUMSTANCES.isdisjoint(word.lower() for word in _WORDS.findall(self.name))


def check_columns(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    """Says which columns of the table tell the class, over all or one class from the others.

    A column that says nothing but the class, or a kind that classes belong to, is named as such,
    unless it is called as a camera or a labeller is. What is different for every image, such as an
    id, tells nothing by itself.

    Args:
        dataset: N items.
        clusters: (N,) int of duplicates and groups, whose members prove something only once.
    """
    known = measurable(dataset, np.arange(len(dataset)))
    if not len(known):
        return
    numbers, targets = np.unique(dataset.labels.strata[known], return_inverse=True)
    kinds = tuple(dataset.labels.kinds[each] for each in numbers)
    columns = [
        _Column(name, cells[known], targets, clusters[known], kinds)
        for name, cells in dataset.attributes.items()
        if len(np.unique(cells[known])) > 1
    ]
    labels = [each for each in columns if not each.circumstance and _is_label(each)]
    yield from _labels_again(labels)
    rest = [each for each in columns if each not in labels]
    for column in rest:
        yield from _told_by(column, grouped=dataset.groups is not None, columns=len(rest))


def _is_label(column: _Column) -> bool:
    """Whether a column is the class under another name, or a kind that classes belong to."""
    cells = np.char.lower(column.cells)
    named = cells == np.char.lower(np.array(column.kinds))[column.targets]
    values, codes = np.unique(cells, return_inverse=True)
    table = np.zeros((len(column.kinds), len(values)), int)
    np.add.at(table, (column.targets, codes), 1)
    # Of each class nearly all have one value: of one class alone, or of several.
    own = bool((table.max(axis=1) >= 0.98 * table.sum(axis=1)).all())
    several = len(np.unique(table.argmax(axis=1))) > 1
    return (own and several) or float(named.mean()) > 0.5


def _labels_again(columns: list[_Column]) -> Iterator[Finding]:
    if not columns:
        return
    names = " and ".join(each.name for each in columns)
    several = len(columns) > 1
    yield Finding(
        "columns_of_label",
        "note",
        f"{'Columns' if several else 'Column'} {names} {'have' if several else 'has'} one value "
        f"for each class and {'are' if several else 'is'} taken for the label under another name, "
        "or a kind that classes belong to.",
        tuple(f"{each.name}: {_most_common(each.cells)}" for each in columns[:_SHOWN]),
        "If one says how an image came to be (a camera, a place, who labelled it), no measure here "
        "can tell it from the class: gather each class in several of its ways.",
        len(columns),
    )


def _told_by(column: _Column, *, grouped: bool, columns: int) -> Iterator[Finding]:
    measured = _measure(column)
    if measured is None:
        return
    value, low, ranked = measured
    # Of many columns, one tells the class by chance: the interval is for all of them together.
    low = value - (value - low) * _wider(columns)
    if low < _LEAST:
        if ranked is not None:
            yield from _one_class(column, columns)
        return
    count = len(column.kinds)
    chance = 1 / count
    many = ranked is None or len(ranked) > max(5, 2 * count)
    pure = ranked is not None and many and _purity(column) >= _PURE
    nearly = ", and of nearly all its values the images are of one class" if pure else ""
    yield Finding(
        "column_tells_class",
        _severity(column, low),
        f"Column {column.name} alone tells the class with a balanced accuracy of "
        f"{chance + value * (1 - chance):.0%}, where guessing has {chance:.0%} (at least "
        f"{chance + low * (1 - chance):.0%} with 95% confidence){nearly}.",
        _shares(column) if ranked is not None else _ranges(column),
        _remedy(column, pure=pure, grouped=grouped, number=ranked is None),
        len(column.cells),
    )


def _measure(column: _Column) -> tuple[float, float, np.ndarray | None] | None:
    """Returns skill, its lower end, and the values of a category; None of what is only an id."""
    values, codes, counts = np.unique(column.cells, return_inverse=True, return_counts=True)
    as_number = _ordered(column.cells)
    found: list[tuple[float, float, np.ndarray | None]] = []
    if as_number is not None and len(values) > _GRADES:
        value, low = skill(as_number[:, None], column.targets, column.clusters)
        found.append((value, low, None))
    if (counts > 1).any():
        value, low = category_skill(codes, column.targets, column.clusters)
        found.append((value, low, values))
    return max(found, key=lambda each: each[1], default=None)


def _ordered(cells: np.ndarray) -> np.ndarray | None:
    """Returns (M,) float places of dates and measurements; None of names, and of running ids."""
    given = cells[cells != ""]
    if not len(given):
        return None
    try:
        days = parse_dates(given.tolist())
    except AmbiguousDates:
        return None
    if days is not None:
        places = np.full(len(cells), days.min() - 1)
        places[cells != ""] = days
        return places
    try:
        numbers = parse_numbers(tuple(cells.tolist()))
    except ValueError:
        return None
    real = numbers[~np.isnan(numbers)]
    if not len(real):
        return None
    if bool((real % 1 == 0).all()) and len(np.unique(real)) >= 0.95 * len(real):
        return None
    return np.nan_to_num(numbers, nan=float(real.min()) - 1)


def _one_class(column: _Column, columns: int) -> Iterator[Finding]:
    """Says that a column tells one class from all others, though not all classes."""
    if len(column.kinds) < 3:
        return
    codes = np.unique(column.cells, return_inverse=True)[1]
    tests = len(column.kinds) * columns
    values, lows = class_skills(codes, column.targets, column.clusters, tests=tests)
    top = int(lows.argmax())
    if lows[top] < _MUCH:
        return
    yield Finding(
        "column_tells_class",
        _severity(column, float(lows[top])),
        f"Column {column.name} alone tells {column.kinds[top]} from all other classes with a "
        f"balanced accuracy of {(1 + values[top]) / 2:.0%}, where guessing has 50% (at least "
        f"{(1 + lows[top]) / 2:.0%} with 95% confidence).",
        _shares(column, top),
        _remedy(column, pure=False, grouped=False, number=False),
        len(column.cells),
    )


def _wider(tests: int) -> float:
    """Returns by how much an interval of 95 % widens to hold for several together."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(1 - 0.025 / max(tests, 1)) / 1.96


def _severity(column: _Column, low: float) -> Severity:
    if low < _MUCH:
        return "note"
    # What a column shows may be what the class is about; how an image came to be is not.
    return "serious" if column.circumstance else "warning"


def _remedy(column: _Column, *, pure: bool, grouped: bool, number: bool) -> str:
    name = column.name
    if pure and not grouped:
        return (
            f"If {name} is a person, a place or a session, a model may know that again instead of "
            f"the class: say --group {name}, so that none lies on both sides of a split. If it is "
            "a finer class, nothing must be done."
        )
    if number and not column.circumstance:
        return (
            "If the images show it, a model may learn it instead of the class: see whether "
            "accuracy holds where it does not tell the class, and gather each class over its "
            "whole range."
        )
    return (
        "If the images show it (another light, another device), a model may learn it instead of "
        f"the class: gather each class in every {name}. Whether a trained model does is what "
        f"'headstart audit RUN --by {name}' asks."
    )


def _purity(column: _Column) -> float:
    """Returns which share of the images is of the class that is most common with their value."""
    _, codes, counts = np.unique(column.cells, return_inverse=True, return_counts=True)
    table = np.zeros((len(counts), len(column.kinds)))
    np.add.at(table, (codes, column.targets), 1)
    several = counts > 1
    return float(table[several].max(axis=1).sum() / max(counts[several].sum(), 1))


def _shares(column: _Column, only: int | None = None) -> tuple[str, ...]:
    lines = []
    for value, count in Counter(column.cells.tolist()).most_common(_SHOWN):
        own = column.targets[column.cells == value]
        best = int(np.bincount(own).argmax()) if only is None else only
        most = int((own == best).sum())
        lines.append(f"{value or '(empty)'}: {most:,} of {count:,} are {column.kinds[best]}")
    return tuple(lines)


def _ranges(column: _Column) -> tuple[str, ...]:
    places = _ordered(column.cells)
    assert places is not None, "only what has an order was measured so"
    order = np.argsort(places, kind="stable")
    lines = []
    for each, kind in enumerate(column.kinds[:_SHOWN]):
        own = column.cells[order[column.targets[order] == each]]
        low, middle, high = (own[int(q * (len(own) - 1))] or "(empty)" for q in (0.25, 0.5, 0.75))
        lines.append(f"{kind}: half of them from {low} to {high}, median {middle}")
    return tuple(lines)


def _most_common(cells: np.ndarray) -> str:
    most = [value or "(empty)" for value, _ in Counter(cells.tolist()).most_common(4)]
    return ", ".join(most)
