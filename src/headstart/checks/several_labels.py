"""Several labels per image: recognised, where one class per image is what is learnt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.records import Finding

__all__ = ["check_several_labels", "indicator_columns"]

_MARKS = {"|": "|", ";": ";", ",": "a comma", "+": "+", "/": "/", " ": "a blank"}
_FLAGS = frozenset({"0", "1", "0.0", "1.0", "true", "false", "yes", "no", ""})


def check_several_labels(dataset: Dataset) -> Iterator[Finding]:
    """Says that classes look like lists of labels: ``rust|scab``, ``rust scab``, ``["rust"]``."""
    names = dataset.labels.kinds
    for mark, called in (("[", "as lists"), *_MARKS.items()):
        lists = [_parts(name, mark) for name in names]
        several = [parts for parts in lists if parts and len(parts) > 1]
        words = Counter(word for parts in lists if parts for word in set(parts))
        if not several or not _are_lists(lists, words, len(names), mark):
            continue
        how = called if mark == "[" else f"separated by {called}"
        yield Finding(
            "several_labels",
            "serious",
            f"The labels look like several per image: {len(words)} different ones in "
            f"{len(names)} combinations, {how}.",
            first(f"{word}: in {count} combinations" for word, count in words.most_common()),
            "One class per image is learnt here, and each combination is taken for a class of its "
            "own. Learn one label at a time: a column that says yes or no to it, named with "
            "--label.",
            len(several),
        )
        return


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


def _are_lists(lists: list[list[str] | None], words: Counter[str], names: int, mark: str) -> bool:
    """Whether names are combinations of few words, each of which recurs."""
    if any(parts is None for parts in lists):
        return False
    if mark in "[|":
        return True
    several = sum(len(parts) > 1 for parts in lists if parts)
    again = sum(count > 1 for count in words.values())
    alone = {parts[0] for parts in lists if parts and len(parts) == 1}
    joined = [set(parts) for parts in lists if parts and len(parts) > 1]
    if mark in ";,+" and len(words) < names and any(parts <= alone for parts in joined):
        return True  # cat, dog and "cat,dog"
    # "great dane, great pyrenees" share a word as well; lists recombine nearly all of theirs.
    return len(words) < names and several >= names / 4 and again >= 0.8 * len(words)
