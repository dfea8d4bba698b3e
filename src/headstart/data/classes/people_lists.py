"""Lists beside folders of people, as LFW has them: who is trained on, and pairs to verify."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.words import SplitWord, normal, split_word
from headstart.lists import some_of

__all__ = ["with_people_lists"]

_KNOWN = 0.9  # of the lines of a list name people
_LAST = re.compile(r"(train|val|test)\.txt$", re.I)  # peopleDevTrain.txt


def with_people_lists(
    dataset: Dataset, lists: Mapping[str, Sequence[str]], *, apart: bool
) -> Dataset:
    """Takes the split from lists of people, or from pairs of the people of each split.

    Which pairs are to be verified is not read: every two images of the test are compared.

    Args:
        dataset: Folders of people.
        lists: File -> its lines.
        apart: Whether the test may be of other people than the training.
    """
    kinds = set(dataset.labels.kinds)
    rows = {file: [_fields(line) for line in lines] for file, lines in lists.items()}
    pairs = [file for file, each in rows.items() if _share(each, kinds, _is_pair) >= _KNOWN]
    if pairs:
        some = some_of(sorted(pairs), 3)
        said = f"{some} {'lists' if len(pairs) == 1 else 'list'} pairs to verify, not read: " \
               f"--task identity compares every two images of the test"  # fmt: skip
        known = {"labels": f"{dataset.reading['labels']}; {said}"}
        dataset = replace(dataset, reading=dataset.reading | known)
    people = {
        file: kind for file, each in rows.items()
        if (kind := _split_of(file)) and _share(each, kinds, _is_person) >= _KNOWN
    }  # fmt: skip
    people = people or {file: kind for file in pairs if (kind := _split_of(file))}
    if not apart or (dataset.splits != "").any() or len(set(people.values())) < len(people):
        return dataset
    told: dict[str, str] = {}
    for file, kind in people.items():
        for name in (each for fields in rows[file] for each in fields if each in kinds):
            if told.setdefault(name, kind) != kind:
                return dataset
    given = [told.get(dataset.labels.text(row), "") for row in range(len(dataset))]
    if len(set(given) - {""}) < 2:
        return dataset
    counts = ", ".join(f"{each} {given.count(each):,}" for each in sorted({*given} - {""}))
    reading = dataset.reading | {"splits": f"people by {some_of(sorted(people), 3)} ({counts})"}
    return replace(dataset, splits=np.array(given, "U5"), reading=reading)


def _split_of(file: str) -> SplitWord | None:
    found = _LAST.search(file)
    return split_word(found[1]) if found else None


def _fields(line: str) -> list[str]:
    """Returns the fields of a line, between tabs or else blanks."""
    return [normal(each) for each in (line.split("\t") if "\t" in line else line.split())]


def _share(
    rows: list[list[str]], kinds: set[str], fits: Callable[[list[str], set[str]], bool]
) -> float:
    """Returns which share of the lines fits; numbers alone say how many follow."""
    told = [each for each in rows if not all(field.isdecimal() for field in each)]
    return sum(fits(each, kinds) for each in told) / len(told) if told else 0.0


def _is_person(fields: list[str], kinds: set[str]) -> bool:
    """Whether a line names a person, and perhaps how many images there are."""
    return fields[0] in kinds and (len(fields) == 1 or (len(fields) == 2 and fields[1].isdecimal()))


def _is_pair(fields: list[str], kinds: set[str]) -> bool:
    """Whether a line names two images of a person, or one each of two people."""
    numbers = [fields[1], fields[-1]] if len(fields) in (3, 4) else [""]
    people = {fields[0], fields[2]} if len(fields) == 4 else {fields[0]}
    return all(each.isdecimal() for each in numbers) and people <= kinds
