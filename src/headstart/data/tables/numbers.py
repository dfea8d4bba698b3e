"""Labels that are numbers: an age, a weight, a degree of wear, instead of a class."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Labels, Numbers, class_labels
from headstart.data.splits.groups import class_level
from headstart.data.tables.conventions import UNKNOWN_CELLS, AmbiguousNumbers, plain_numbers
from headstart.data.tables.units import WithUnit, are_measured, bare_unit, one_unit, unit_of
from headstart.errors import DataError
from headstart.records import Finding

__all__ = [
    "as_numbers",
    "parse_labels",
    "parse_numbers",
    "possible_numbers",
    "told_task",
]

# Labels with fractions are taken for numbers only beyond this many different ones: a few grades
# (0.5, 1, 1.5) are classes, and whole numbers may well be names.
_GRADES = 20
_HINT = 10  # classes called by numbers: ten may be digits
_MOSTLY = 0.25  # of the labels that are none, at most, where the others are numbers


def told_task(dataset: Dataset, label: str | None) -> str:
    """Returns what labels are of that nobody has told: numbers, or classes.

    Numbers where more than 20 different ones have fractions, or all have one unit. Whole numbers in
    a column of a table may be an age or a name; of folders they are names.

    Args:
        dataset: As its reader has it, every label a class.
        label: The column, for the error.

    Raises:
        DataError: If the labels of a table are whole numbers, and many different ones.
    """
    labels = dataset.labels
    assert isinstance(labels, Classes), "readers make classes"
    column = dataset.reading.get("labels", f"column {label}")
    table = dataset.source == "table" or (label is not None and class_level(label) is None)
    unit = one_unit(labels.names) if table else None
    try:
        numbers = parse_numbers(unit.texts if unit else labels.names)
    except AmbiguousNumbers as error:
        if table and len(labels.names) > _GRADES:
            raise DataError(
                f"{column} looks like a number to learn, but {error}; or say --task classification"
            ) from None
        return "classification"
    except ValueError:
        if table:
            _refuse_mostly_numbers(labels.names, column)
        return "classification"
    known = numbers[~np.isnan(numbers)]
    if len(np.unique(known)) <= _GRADES:
        return "classification"
    if not bool((known % 1 == 0).all()) or (unit and unit.sure):
        return "regression"
    _refuse_letters(labels.names, unit, column)
    if table:
        raise DataError(
            f"{column} holds {len(known):,} different whole numbers, from {known.min():g} to "
            f"{known.max():g}, and looks like a number to learn: say --task regression, or "
            f"--task classification if they are names of classes"
        )
    return "classification"


def _refuse_letters(names: tuple[str, ...], unit: WithUnit | None, column: str) -> None:
    """Refuses many whole numbers with a letter behind them, which are lengths or names: 12a, 13a.

    Raises:
        DataError: If that is so.
    """
    if unit is not None:
        raise DataError(
            f"{column} holds {len(names):,} different numbers with {unit.unit!r} behind them, such "
            f"as {names[0]}: say --task regression if that is their unit, or --task classification "
            f"if they are names of classes"
        )


def _refuse_mostly_numbers(names: tuple[str, ...], column: str) -> None:
    """Refuses many numbers among which a few cells are none: 12 kg, 13 kg, ca. 14 kg.

    Raises:
        DataError: If that is so.
    """
    units = {each: bare_unit(unit) for each in names if (unit := unit_of(each))}
    common = Counter(units.values()).most_common(1)[0][0] if units else ""
    odd = [each for each in names if not _is_number(each) and (units.get(each) or "-") != common]
    few = len(names) - len(odd) > _GRADES and len(odd) <= _MOSTLY * len(names)
    # Two units in many rows each, or one in half of them: no names look so.
    mixed = len(names) > _GRADES and are_measured(names)
    if few or mixed:
        like = "has another unit" if common and odd and odd[0] in units else "is none"
        if not odd:
            odd, like = list(units), "has a unit that others lack"
        raise DataError(
            f"{column} holds {len(names) - len(odd):,} different numbers, and {odd[0]!r}, which "
            f"{like}: write bare numbers and leave the cell empty where one is unknown, or say "
            f"--task classification if they are names of classes"
        )


def as_numbers(dataset: Dataset, name: str) -> Dataset:
    """Returns the data set with its labels read as numbers.

    Args:
        dataset: As its reader has it, every label a class.
        name: Of the quantity, such as ``"age"``; a unit that all numbers have is added to it.

    Raises:
        DataError: A label is no number, or there are fewer than two different ones.
    """
    labels = dataset.labels
    assert isinstance(labels, Classes), "readers make classes"
    unit = one_unit(labels.names)
    try:
        numbers = parse_numbers(unit.texts if unit else labels.names)
    except AmbiguousNumbers as error:
        raise DataError(f"the numbers of {dataset.root}: {error}") from None
    except ValueError:
        odd = next(label for label in labels.names if not _is_number(label))
        where = dataset.names[int(np.argmax(labels.targets == labels.names.index(odd)))]
        if other := unit_of(odd):
            raise DataError(
                f"the label {odd!r} of {where} has the unit {other}, and others have another or "
                f"none: write all in one unit"
            ) from None
        raise DataError(
            f"the label {odd!r} of {where} is no number: name the column that holds the numbers "
            f"(--label), and leave its cell empty where one is unknown"
        ) from None
    values = np.append(numbers, np.nan)[labels.targets]  # -1 is the last: unknown
    if len(np.unique(values[~np.isnan(values)])) < 2:
        raise DataError(
            f"{dataset.root} needs images with two or more different numbers to learn from"
        )
    known = values[~np.isnan(values)]
    said = f"{dataset.reading.get('labels', name)}, numbers from {known.min():g} to {known.max():g}"
    if unit is not None:
        said, name = f"{said} (unit: {unit.unit})", f"{name} ({unit.unit})"
    return dataclasses.replace(
        dataset, labels=Numbers(name, values), task="regression",
        reading=dataset.reading | {"labels": said},
    )  # fmt: skip


def possible_numbers(dataset: Dataset) -> Iterator[Finding]:
    """Says that many classes are called by numbers, where they may well be measurements."""
    labels = dataset.labels
    if not isinstance(labels, Classes) or len(labels.names) <= _HINT:
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
    if task == "regression":  # written by us: after a point come decimals
        return Numbers(quantity, np.array([float(text) if text else np.nan for text in texts]))
    return class_labels(texts)


def parse_numbers(texts: tuple[str, ...]) -> np.ndarray:
    """Returns (N,) float64 of texts; NaN for an empty cell and the usual words for unknown.

    What a comma or a point means is decided for all of them together (`data.tables.conventions`).

    Raises:
        ValueError: If one is no number, or if they can be read in two ways.
    """
    texts = tuple(text.replace("\u2212", "-") for text in texts)  # the minus of typesetters
    known = [text.strip() for text in texts if text.strip().lower() not in UNKNOWN_CELLS]
    plain = plain_numbers(known)
    values = {}
    for text, number in zip(known, plain, strict=True):
        values[text] = float(number)
        if not np.isfinite(values[text]):
            raise ValueError(text)
    return np.array([values.get(text.strip(), np.nan) for text in texts], float)


def _is_number(text: str) -> bool:
    try:
        parse_numbers((text,))
    except AmbiguousNumbers:
        return True
    except ValueError:
        return False
    return True
