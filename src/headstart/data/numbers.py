"""Labels that are numbers: an age, a weight, a degree of wear, instead of a class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Labels, Numbers
from headstart.data.tables import class_labels
from headstart.errors import DataError
from headstart.records import Finding

__all__ = ["as_numbers", "look_like_numbers", "parse_labels", "parse_numbers", "possible_numbers"]

_UNKNOWN = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "?"})
# Labels with fractions are taken for numbers only beyond this many different ones: a few grades
# (0.5, 1, 1.5) are classes, and whole numbers may well be names.
_GRADES = 20


def look_like_numbers(labels: Classes) -> bool:
    """Returns whether classes are measurements: all numbers, some with fractions, many different.

    Args:
        labels: As a reader has them.
    """
    try:
        numbers = parse_numbers(labels.names)
    except ValueError:
        return False
    known = numbers[~np.isnan(numbers)]
    return len(np.unique(known)) > _GRADES and not bool((known % 1 == 0).all())


def as_numbers(dataset: Dataset, name: str) -> Dataset:
    """Returns the data set with its labels read as numbers.

    Args:
        dataset: As its reader has it, every label a class.
        name: Of the quantity, such as ``"age"``.

    Raises:
        DataError: A label is no number, or there are fewer than two different ones.
    """
    labels = dataset.labels
    assert isinstance(labels, Classes), "readers make classes"
    try:
        numbers = parse_numbers(labels.names)
    except ValueError:
        odd = next(label for label in labels.names if not _is_number(label))
        where = dataset.names[int(np.argmax(labels.targets == labels.names.index(odd)))]
        raise DataError(
            f"the label {odd!r} of {where} is no number: name the column that holds the numbers "
            f"(--label), and leave its cell empty where one is unknown"
        ) from None
    values = np.append(numbers, np.nan)[labels.targets]  # -1 is the last: unknown
    if len(np.unique(values[~np.isnan(values)])) < 2:
        raise DataError(
            f"{dataset.root} needs images with two or more different numbers to learn from"
        )
    return dataclasses.replace(dataset, labels=Numbers(name, values), task="regression")


def possible_numbers(dataset: Dataset) -> Iterator[Finding]:
    """Says that many classes are called by numbers, where they may well be measurements."""
    labels = dataset.labels
    if not isinstance(labels, Classes) or len(labels.names) <= _GRADES:
        return
    try:
        numbers = parse_numbers(labels.names)
    except ValueError:
        return
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    yield Finding(
        "possible_numbers",
        "note",
        f"All {len(labels.names):,} classes are called by numbers, from {low:g} to {high:g}.",
        (),
        "If they measure something, such as an age, say --task regression; else all is well.",
        len(labels.names),
    )


def parse_labels(texts: list[str], task: str, quantity: str) -> Labels:
    """Returns labels as tables keep them: the texts that `Labels.text` gives.

    Args:
        texts: N texts; empty where unknown.
        task: What they are labels of.
        quantity: What numbers measure.

    Raises:
        ValueError: If one is not a label of that task.
    """
    if task == "regression":
        return Numbers(quantity, parse_numbers(tuple(texts)))
    return class_labels(texts)


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
