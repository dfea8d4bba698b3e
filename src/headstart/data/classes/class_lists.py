"""Lists beside folders of images that say what is trained and what is tested on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.labels import class_labels
from headstart.data.tools.cub import cub_lists
from headstart.data.words import normal, plural, split_word
from headstart.lists import some_of

__all__ = ["with_lists"]

_MOST_BYTES = 1 << 24
_KNOWN = 0.9  # of the lines of a list name images


def with_lists(dataset: Dataset, tree: Tree) -> Dataset:
    """Takes the split of images, and classes where there are none, from lists that name them.

    They are those of CUB-200 (`images.txt` and others that go by its numbers, there or in the
    folder above), or one list for each split: ``train.txt`` and ``test.txt``, with a path in each
    line. A split by folders goes before.

    Args:
        dataset: Folders of images.
        tree: The folder that was given, and the files in it.

    Raises:
        DataError: If a list of CUB-200 cannot be understood.
    """
    if (dataset.splits != "").any():
        return dataset
    for folder in (tree.root, tree.root.parent):
        lists = cub_lists(folder)
        if lists is None:
            continue
        names = _named(dataset, list(lists.numbers.values()))
        if not names:
            continue
        if not dataset.labelled.any() and lists.classes:
            cells = [lists.classes.get(names.get(name, ""), "") for name in dataset.names]
            said = dataset.reading | {"labels": "image_class_labels.txt"}
            dataset = replace(dataset, labels=class_labels(cells), reading=said, source="table")
        splits = {name: lists.splits.get(each, "") for name, each in names.items()}
        return _split(dataset, splits, "train_test_split.txt") if lists.splits else dataset
    return _by_lists(dataset, tree)


def _by_lists(dataset: Dataset, tree: Tree) -> Dataset:
    """Takes the split from lists of paths, of which each is called like a split."""
    kinds: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    clash = False
    for file in tree.others:
        kind = split_word(Path(file).stem.rstrip("0123456789"))
        if kind in (None, "pred") or not file.lower().endswith(".txt"):
            continue
        lines = _lines(tree.root / file)
        names = _named(dataset, lines)
        if not lines or len(names) < _KNOWN * len(lines):
            continue
        kinds.setdefault(str(kind), []).append(file)
        clash |= any(found.setdefault(name, str(kind)) != kind for name in names)
    files = sorted(file for each in kinds.values() for file in each)
    if not files or (len(kinds) < 2 and "train" in kinds):
        return dataset
    if clash or max(map(len, kinds.values())) > 1:
        said = f"none ({some_of(files, 3)} split the images in several ways; give a table with a " \
               f"column split for one of them)"  # fmt: skip
        return replace(dataset, reading=dataset.reading | {"splits": said})
    if len(kinds) < 2:  # what is on no list of the test is trained on
        found = {name: found.get(name, "train") for name in dataset.names}
    return _split(dataset, found, some_of(files, 3))


def _split(dataset: Dataset, splits: dict[str, str], files: str) -> Dataset:
    given = [splits.get(name, "") for name in dataset.names]
    counts = ", ".join(f"{each} {given.count(each):,}" for each in sorted({*given} - {""}))
    said, aside = f"by {files} ({counts})", dataset.set_aside
    if lost := given.count(""):
        aside = (*aside, (".", f"{plural(lost, 'image')} on no list of a split"))
    reading = dataset.reading | {"splits": said}
    return replace(dataset, splits=np.array(given, "U5"), set_aside=aside, reading=reading)


def _named(dataset: Dataset, lines: list[str]) -> dict[str, str]:
    """Returns image -> the line that names it, by the end of its path, with or without ending."""
    ends: dict[str, str] = {}
    for name in dataset.names:
        parts = normal(name).split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            for key in {end, os.path.splitext(end)[0]}:
                ends[key] = "" if key in ends else name  # of two images with that end, neither
    found = {}
    for line in lines:
        parts = normal(line).replace("\\", "/").removeprefix("./").split("/")
        tries = ("/".join(parts[start:]) for start in range(len(parts)))
        name = next((ends[each] for each in tries if ends.get(each)), "")
        if name:
            found[name] = line
    return found


def _lines(path: Path) -> list[str]:
    """Returns the paths of a list: its lines, or the first word of each where more follows."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return []
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return []
    lines = [normal(line) for line in text.splitlines() if normal(line) and line[0] != "#"]
    words = [line.split() for line in lines]
    if lines and all(len(each) == len(words[0]) > 1 for each in words):
        return [each[0] for each in words]
    return lines
