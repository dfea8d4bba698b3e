"""How a person is called: one spelling at every door, so that one person is one person.

The same name can be written with an accent as one character or as two (a Mac's files are the
latter), and with blanks that nobody sees. All names are kept in Unicode's composed form (NFC), with
single blanks inside and none around.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.words import normal

__all__ = ["case_twins", "one_spelling", "person_name"]


def person_name(text: str) -> str:
    """Returns the one spelling of a name."""
    return " ".join(normal(text).split())


def one_spelling(dataset: Dataset) -> Dataset:
    """Returns labelled photos of people, those of one name in several spellings as one person's."""
    labels = dataset.labels
    given = [person_name(each) for each in labels.kinds]
    names = sorted(set(given))
    place = {name: at for at, name in enumerate(names)}
    targets = np.array([place[each] for each in given], np.int64)[labels.strata]
    return replace(dataset, labels=Classes(tuple(names), targets))


def case_twins(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Returns names that differ only in capitals, together, in order."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(name.casefold(), []).append(name)
    return [tuple(each) for each in found.values() if len(each) > 1]
