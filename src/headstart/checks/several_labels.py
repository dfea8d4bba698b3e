"""Several labels per image: recognised, where one class per image is what is learnt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.records import Finding

__all__ = ["check_several_labels", "indicator_columns", "refuse_several_labels"]

_MARKS = {"|": "|", ";": ";", ",": "a comma", "+": "+", "/": "/", " ": "a blank"}
_FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false", "yes", "no", ""})


@dataclass(frozen=True)
class _Lists:
    """Class names that look like lists of labels.

    Attributes:
        words: Label -> in how many combinations it is.
        several: Combinations of more than one.
        said: How many there are, and how they are written.
        sure: Whether they are hardly anything else.
    """

    words: Counter[str]
    several: list[str]
    said: str
    sure: bool


def check_several_labels(dataset: Dataset) -> Iterator[Finding]:
    """Says that classes look like lists of labels: ``rust|scab``, ``rust scab``, ``["rust"]``."""
    found = _lists_of(dataset.labels.kinds)
    if found is not None:
        yield Finding(
            "several_labels",
            "serious",
            f"The labels look like several per image: {found.said}.",
            first(
                f"{word}: in {plural(n, 'combination')}" for word, n in found.words.most_common()
            ),
            "One class per image is learnt here, and each combination is taken for a class of its "
            "own. Learn one label at a time: a column that says yes or no to it, named with "
            "--label.",
            len(found.several),
        )


def refuse_several_labels(dataset: Dataset) -> None:
    """Refuses to learn combinations of labels as classes, where nobody asked for just that.

    Args:
        dataset: Of classes.

    Raises:
        DataError: If the labels are surely several per image.
    """
    found = _lists_of(dataset.labels.kinds)
    if found is not None and found.sure:
        raise DataError(
            f"the labels are several per image ({found.said}, such as {found.several[0]!r}), and "
            f"one class per image is learnt here: learn one label at a time, from a column that "
            f"says yes or no to it, named with --label; or say --task classification, and each "
            f"combination is a class of its own"
        )


def _lists_of(names: Sequence[str]) -> _Lists | None:
    """Returns how names are lists of labels; None where they are hardly."""
    for mark, called in (("[", "as lists"), *_MARKS.items()):
        lists = [_parts(name, mark) for name in names]
        several = [n for n, parts in zip(names, lists, strict=True) if parts and len(parts) > 1]
        words = Counter(word for parts in lists if parts for word in set(parts))
        if not several or not _are_lists(lists, words, len(names), mark):
            continue
        how = called if mark == "[" else f"separated by {called}"
        said = f"{len(words)} different ones in {len(names)} combinations, {how}"
        return _Lists(words, several, said, mark in "[|;" or _some_alone(lists))
    return None


def indicator_columns(dataset: Dataset) -> list[str]:
    """Returns the columns that say yes or no to one label each, where there are several."""
    found = [
        name
        for name, cells in dataset.attributes.items()
        if len(kinds := {cell.lower() for cell in cells.tolist()}) > 1 and kinds <= _FLAGS
    ]
    return found if len(found) > 1 else []


def _parts(name: str, mark: str) -> list[str] | None:
    """Returns the labels in a name; None where it is no list of that kind."""
    if mark != "[":
        parts = [part.strip() for part in name.split(mark)]
        return parts if all(parts) else None
    try:
        found = json.loads(name.replace("'", '"')) if name.startswith("[") else None
    except ValueError:
        return None
    return [str(each) for each in found] if isinstance(found, list) else None


def _some_alone(lists: list[list[str] | None]) -> bool:
    """Whether all labels of some combination are there alone too: cat, dog and "cat,dog"."""
    alone = {parts[0] for parts in lists if parts and len(parts) == 1}
    return any(set(parts) <= alone for parts in lists if parts and len(parts) > 1)


def _are_lists(lists: list[list[str] | None], words: Counter[str], names: int, mark: str) -> bool:
    """Whether names are combinations of few words, each of which recurs."""
    if any(parts is None for parts in lists):
        return False
    if mark in "[|":
        return True
    several = sum(len(parts) > 1 for parts in lists if parts)
    again = sum(count > 1 for count in words.values())
    if mark in ";,+" and len(words) < names and _some_alone(lists):
        return True
    # "great dane, great pyrenees" share a word as well; lists recombine nearly all of theirs.
    return len(words) < names and several >= names / 4 and again >= 0.8 * len(words)
