"""What is taken off the names of images and masks to make them fit."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace

__all__ = [
    "Place",
    "without_common",
    "without_common_of_folders",
    "without_numbers",
    "without_only_folder",
    "without_zeros",
]

_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


@dataclass(frozen=True)
class Place:
    """Where a file lies, without the words that say that it is an image or a mask."""

    name: str
    key: tuple[str, ...]
    stem: str


def without_common(places: list[Place]) -> list[Place]:
    """Takes off what all names begin and end with, but for numbers."""
    stems = [each.stem for each in places]
    if len(stems) < 2:
        return places
    head = re.sub(r"\d+$", "", _beginning(stems))
    tail = re.sub(r"^\d+", "", _beginning([stem[::-1] for stem in stems])[::-1])
    return [
        Place(p.name, p.key, p.stem[len(head) : len(p.stem) - len(tail)] or p.stem) for p in places
    ]


def without_zeros(places: list[Place]) -> list[Place]:
    """Takes the zeros off that numbers in names begin with: 1.png is 001.png to a person."""
    return [replace(each, stem=_ZEROS.sub("", each.stem)) for each in places]


def without_numbers(places: list[Place]) -> list[Place]:
    """Takes numbers off folders (Task1-2_Training, Task1_Training), where no names clash then."""
    bare = [
        Place(p.name, tuple(re.sub(r"_\d+(?=_|$)", "", part) for part in p.key), p.stem)
        for p in places
    ]
    return bare if len({(p.key, p.stem.lower()) for p in bare}) == len(bare) else places


def without_only_folder(places: list[Place]) -> list[Place]:
    """Takes off what the folder is called that all lie in: CXR_png/ beside leftMask/."""
    alone = len({place.key for place in places}) == 1
    return [Place(p.name, (), p.stem) for p in places] if alone else places


def without_common_of_folders(places: list[Place]) -> list[Place]:
    """Takes off what the names in each folder begin and end with, but for numbers."""
    homes: dict[str, list[Place]] = defaultdict(list)
    for each in places:
        homes[each.name.rpartition("/")[0]].append(each)
    return [each for theirs in homes.values() for each in without_common(theirs)]


def _beginning(texts: list[str]) -> str:
    """Returns what all texts begin with."""
    one, other = min(texts), max(texts)
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other))
    )
    return one[:same]
