"""Groups by folder: `--group folder:2`, where people have folders and no table says who is who."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.words import normal, plural, split_name
from headstart.errors import DataError, OptionError
from headstart.lists import some_of
from headstart.records import Finding

__all__ = ["class_level", "group_by_folder", "means_folder", "one_to_one", "possible_folders"]

_WORD = "folder"
_SHOWN = 6
_UNLIKE = 1.5
_MANY = 5
_NUMBER = re.compile(r"[+-]?[\d.,]+\D*")
_TOPS, _CLASSES = 4, 12  # folders at the top, and in each of them, that may be read either way
# Fewer sub-folders than this are hardly people, and with fewer images a folder each is a number.
_FEW = 3
_LONG = 8  # letters of a file name, from which on two of the same are hardly so by chance
_SAME = 0.9
_FRACTION = re.compile(r"[+-]?\d*[.,]\d+\D*")


def means_folder(group: str | None) -> bool:
    """Tells whether a group that is asked for may be a level of folders: `folder`, `folder:N`."""
    return group is not None and (group == _WORD or group.startswith(_WORD + ":"))


def group_by_folder(dataset: Dataset, group: str, *, classes_apart: bool = True) -> Dataset:
    """Groups images by the name of a folder that they lie in, whatever lies above it.

    So ``hydrated/anna/1.jpg`` and ``dehydrated/anna/2.jpg`` are one person. A column of that very
    name goes before. Images without such a folder have no group, as with an empty cell.

    Args:
        dataset: Its attributes, classes and splits are final.
        group: `folder` is the folder an image lies in, `folder:N` the Nth of its path below the
            root; from the image upwards -1, -2 and so on.
        classes_apart: Refuse groups that are the classes. False where classes are people.

    Raises:
        OptionError: If `group` says no level.
        DataError: If no image has such a folder, or the folder is the class or the split.
    """
    if group in dataset.attributes:
        return dataclasses.replace(dataset, groups=dataset.attributes[group])
    level = _level(group)
    groups = _names(dataset, level)
    has = groups != ""
    if not has.any():
        deepest = max(dataset.names, key=lambda name: name.count("/"), default="none")
        folders = deepest.count("/")
        raise DataError(
            f"--group {group}: no image below {dataset.root} has such a folder; the deepest, "
            f"{deepest}, lies in {folders or 'none'}. Give each person a folder, or a column of a "
            "table that says who is who"
        )
    below = _below_class(dataset)
    other = f"name the folder of the people instead (folder:{below}?)"
    if level == below or not (_names(dataset, below) != "").any():
        other = "leave it out, or give each person a folder of their own in each class"
    if (dataset.splits != "").all() and _are_splits(groups, dataset):
        some = ", ".join(sorted(set(groups.tolist())))
        raise DataError(f"--group {group} is the folder of the split ({some}); {other}")
    known = has & dataset.labelled
    if classes_apart and one_to_one(groups[known], dataset.labels.strata[known]):
        one = int(np.flatnonzero(known)[0])
        kind, called = dataset.labels.text(one), str(groups[one])
        raise DataError(
            f"--group {group} says no more than the class: all images of {kind!r} are in folders "
            f"called {called!r}, and no split could keep these whole and have every class on both "
            f"sides; {other}"
        )
    aside = dataset.set_aside
    if missing := int((~has).sum()):
        reason = f"{missing:,} of {len(has):,} images lie in no such folder: each is on its own"
        aside = (*aside, (f"--group {group}", reason))
    return dataclasses.replace(dataset, groups=groups, set_aside=aside)


def possible_folders(dataset: Dataset) -> Iterator[Finding]:
    """Says that class folders hold sub-folders, where these may well be people or videos."""
    if dataset.groups is not None or dataset.source != "folders":
        return
    level = _below_class(dataset)
    groups = _names(dataset, level)
    has = groups != ""
    names, counts = np.unique(groups[has], return_counts=True)
    if _may_be_classes(dataset, groups):
        yield _which_level(dataset, names, level)
        return
    if isinstance(dataset.labels, Classes):
        yield from _folders_beside_images(dataset, level)
    if (
        2 * has.sum() < len(dataset)
        or len(names) < _FEW
        or 2 * (counts >= 2).sum() < len(names)
        or one_to_one(groups[has], dataset.labels.strata[has])
        # A column says what they are (an age, a grade), or they are measured: 0.5, 2.25.
        or any((groups == column).mean() >= _SAME for column in dataset.attributes.values())
        or all(_FRACTION.fullmatch(name) for name in names.tolist())
    ):
        return
    pairs = set(zip(groups[has].tolist(), dataset.labels.strata[has].tolist()))
    both = sum(classes > 1 for classes in Counter(name for name, _ in pairs).values())
    across = f", {both:,} of them in more than one class" if both else ""
    yield Finding(
        "possible_folders",
        "note",
        f"The class folders hold sub-folders of {len(names):,} names{across}.",
        tuple(
            f"{names[k]}: {counts[k]:,} images" for k in np.argsort(-counts, kind="stable")[:_SHOWN]
        ),
        f"If they are people, patients or videos, say --group folder:{level}, so that none lies on "
        f"both sides of a split; if they are the classes, --label folder:{level}.",
        len(names),
    )


def _may_be_classes(dataset: Dataset, groups: np.ndarray) -> bool:
    """Whether the few folders at the top hold the same folders each, and are of unlike size.

    Then those at the top may as well be splits, sites or years, and those in them the classes.
    People photographed in every class leave classes of about one size.
    """
    if (groups == "").any() or (dataset.splits != "").any():
        return False
    inside: dict[str, set[str]] = {}
    for i, name in enumerate(groups.tolist()):
        inside.setdefault(dataset.labels.text(i), set()).add(name)
    sets = list(inside.values())
    counts = Counter(dataset.labels.text(i) for i in range(len(dataset))).values()
    return (
        2 <= len(sets) <= _TOPS
        and 2 <= len(sets[0]) <= _CLASSES
        and all(each == sets[0] for each in sets)
        and (max(counts) >= _UNLIKE * min(counts) or _are_renditions(dataset))
        and not any(_NUMBER.fullmatch(each) for each in sets[0])
    )


def _are_renditions(dataset: Dataset) -> bool:
    """Whether two folders at the top hold files of the same long names: color/ and grayscale/."""
    held: dict[str, set[str]] = {}
    for name in dataset.names:
        top, _, rest = name.partition("/")
        held.setdefault(top, set()).add(rest.rpartition(".")[0])
    return any(
        len(one & other) >= _SAME * max(len(one), len(other))
        and all(len(path.rpartition("/")[2]) >= _LONG for path in one)
        for one, other in combinations(held.values(), 2)
    )


def _folders_beside_images(dataset: Dataset, level: int) -> Iterator[Finding]:
    """Says which folders lie in a class beside its images, and were counted to it."""
    homes = Counter("/".join(name.split("/")[:-1]) for name in dataset.names)
    inside = [
        (home, count) for home, count in sorted(homes.items())
        if home.count("/") >= level - 1 and count >= _MANY
        and homes["/".join(home.split("/")[: level - 1])] >= _MANY
    ]  # fmt: skip
    if inside:
        total = sum(count for _, count in inside)
        yield Finding(
            "folders_beside_images",
            "note",
            f"{plural(len(inside), 'folder lies', 'folders lie')} in a class beside its images; "
            f"the {plural(total, 'image')} in {'it' if len(inside) == 1 else 'them'} count to that "
            f"class.",
            tuple(f"{home}: {plural(count, 'image')}" for home, count in inside[:_SHOWN]),
            "If one is a class of its own, put it beside the others.",
            total,
        )


def _which_level(dataset: Dataset, names: np.ndarray, level: int) -> Finding:
    tops = sorted({dataset.labels.text(i) for i in range(len(dataset))})
    return Finding(
        "possible_folders",
        "warning",
        f"The folders {' and '.join(tops)} were taken for classes, and all of them hold the same "
        f"folders, which may be the classes as well.",
        (f"in each: {some_of(names.tolist(), 8)}",),
        f"If those in them are the classes (and these are splits, sites or years), say --label "
        f"folder:{level}; if they are people, videos or sides, --group folder:{level}.",
        len(names),
    )


def class_level(label: str | None) -> int | None:
    """Returns the N of a label `folder:N`, counted from the top; None of a column.

    Raises:
        OptionError: If it says no such level.
    """
    if label is None or not label.startswith(_WORD + ":"):
        return None
    text = label.removeprefix(_WORD + ":")
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(
            f"--label {label}: folder:1 is the first folder of each path, folder:2 the one in it"
        )
    return int(text)


def _level(group: str) -> int:
    if group == _WORD:
        return -1
    text = group.removeprefix(_WORD + ":")
    try:
        level = int(text)
    except ValueError:
        level = 0
    if not level:
        raise OptionError(
            f"--group {group}: folder:1 is the first folder of each path, folder:2 the one in it, "
            f"folder:-1 the one that the image lies in"
        )
    return level


def _names(dataset: Dataset, level: int) -> np.ndarray:
    """Returns (N,) str: the folder of each image at a level, ``""`` where it lies less deep."""
    at = level - 1 if level > 0 else level
    found = []
    for name in dataset.names:
        folders = name.split("/")[:-1]
        there = -len(folders) <= at < len(folders)
        found.append(normal(folders[at]) if there else "")
    return np.array(found, str)


def _below_class(dataset: Dataset) -> int:
    """Returns the level (from 1) of the first folder below both class and split."""
    level = 1
    for at in (1, 2):
        names = _names(dataset, at)
        known = np.flatnonzero(dataset.labelled)
        classes = all(names[i] == dataset.labels.text(int(i)) for i in known)
        if (len(known) and classes) or _are_splits(names, dataset):
            level = at + 1
    return level


def _are_splits(groups: np.ndarray, dataset: Dataset) -> bool:
    given = dataset.splits != ""
    pairs = zip(groups[given].tolist(), dataset.splits[given].tolist())
    return bool(given.any()) and all(split_name(name) == split for name, split in pairs)


def one_to_one(groups: np.ndarray, targets: np.ndarray) -> bool:
    """Tells whether groups are several classes under other names.

    Args:
        groups: (N,) str.
        targets: (N,) int.
    """
    pairs = len(set(zip(groups.tolist(), targets.tolist())))
    return pairs == len(set(groups.tolist())) == len(set(targets.tolist())) > 1
