"""Labels that are numbers: an age, a weight, a degree of wear, instead of a class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headstart.choices import Task
from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.records import Finding
from headstart.scale import Bins

__all__ = ["as_numbers", "possible_numbers", "make_bins", "parse_numbers", "are_classes"]

_UNKNOWN = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "?"})
# Labels with fractions are taken for numbers only beyond this many different ones: a few grades
# (0.5, 1, 1.5) are classes, and whole numbers may well be names.
_GRADES = 20
_FEWEST, _MOST = 4, 12


def are_classes(dataset: Dataset, task: Task) -> bool:
    """Returns whether the labels are to be taken as classes.

    Args:
        dataset: As its reader has it, every label a class.
        task: ``"auto"`` takes them for numbers where all are, some have fractions, and more than
            20 differ.
    """
    if task != "auto":
        return task == "classification"
    try:
        numbers = parse_numbers(dataset.classes)
    except ValueError:
        return True
    known = numbers[~np.isnan(numbers)]
    return len(np.unique(known)) <= _GRADES or bool((known % 1 == 0).all())


def as_numbers(dataset: Dataset, bins: Bins | None = None) -> Dataset:
    """Turns a data set whose labels are numbers into one of ranges and the numbers themselves.

    Args:
        dataset: As its reader has it, every label a class.
        bins: The ranges of a model, to measure it; by default they are made of the numbers of
            all items that are not in a given test split.

    Returns:
        The same items; `classes` are the ranges, `values` the numbers.

    Raises:
        DataError: A label is no number, or there are fewer than two different ones.
    """
    try:
        numbers = parse_numbers(dataset.classes)
    except ValueError:
        odd = next(name for name in dataset.classes if not _is_number(name))
        where = dataset.names[int(np.argmax(dataset.targets == dataset.classes.index(odd)))]
        raise DataError(
            f"the label {odd!r} of {where} is no number: name the column that holds the numbers "
            f"(--label), and leave its cell empty where one is unknown"
        ) from None
    values = np.append(numbers, np.nan)[dataset.targets]  # -1 is the last: unknown
    if bins is None:
        known = values[~np.isnan(values) & (dataset.splits != "test")]
        if len(np.unique(known)) < 2:
            raise DataError(
                f"{dataset.root} needs images with two or more different numbers to learn from"
            )
        bins = make_bins(known)
    return dataclasses.replace(
        dataset, classes=bins.names, targets=bins.classes(values), values=values, bins=bins,
        task="regression",
    )  # fmt: skip


def possible_numbers(dataset: Dataset) -> Iterator[Finding]:
    """Says that many classes are called by numbers, where they may well be measurements."""
    if dataset.task == "regression" or len(dataset.classes) <= _GRADES:
        return
    try:
        numbers = parse_numbers(dataset.classes)
    except ValueError:
        return
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    yield Finding(
        "possible_numbers",
        "note",
        f"All {len(dataset.classes):,} classes are called by numbers, from {low:g} to {high:g}.",
        (),
        "If they measure something, such as an age, say --task regression; else all is well.",
        len(dataset.classes),
    )


def make_bins(numbers: np.ndarray) -> Bins:
    """Returns ranges that hold about equally many of some numbers.

    About one range for every three units of the root of their number, at least 4 and at most 12:
    fewer are coarse, and more have too few examples each. Equal numbers stay together.

    Args:
        numbers: (N,) float, two or more different ones.
    """
    ordered = np.sort(numbers)
    count = int(np.clip(round(np.sqrt(len(ordered)) / 3), _FEWEST, _MOST))
    cuts = ordered[(np.arange(1, count) * len(ordered)) // count]
    different = np.unique(ordered)
    edges = []
    for cut in np.unique(cuts):
        below = different[different < cut]
        if len(below):  # halfway between neighbours, so that no number lies on an edge
            edges.append(float((below[-1] + cut) / 2))
    if not edges:
        edges = [float((different[0] + different[1]) / 2)]
    return Bins((float(different[0]), *edges, float(different[-1])))


def parse_numbers(texts: tuple[str, ...]) -> np.ndarray:
    """Returns (N,) float64 of texts; NaN for an empty cell and the usual words for unknown.

    Raises:
        ValueError: If one is no number.
    """
    return np.array([_number(text) for text in texts], float)


def _number(text: str) -> float:
    text = text.strip()
    if text.lower() in _UNKNOWN:
        return float("nan")
    counts = Counter(text)
    if counts[","] == 1 and not counts["."]:  # as many countries write it
        text = text.replace(",", ".")
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True
