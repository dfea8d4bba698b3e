"""Lists beside folders of images that say what is trained and what is tested on."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.classes.numbered_labels import with_numbered_labels
from headstart.data.classes.people_lists import with_people_lists
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.labels import class_labels
from headstart.data.tools.cub import cub_lists
from headstart.data.words import normal, plural, split_word
from headstart.lists import some_of

__all__ = ["with_lists"]

_MOST_BYTES = 1 << 24
_KNOWN = 0.9  # of the lines of a list name images
_IMAGES = re.compile(
    r"(^|[ _.-])(images?|imgs?|jpegimages|jpe?gs?|photos?|pictures?)([ _.-]|$)", re.I
)
_HOMES = ("meta", "labels", "splits", "lists", "annotations", "imagesets")
_PARTITION = re.compile(r"partition", re.I)
_FIRST = re.compile(r"[\s,;]+")
_LAST = re.compile(r"[\s,;]+(?=[^\s,;]+$)")  # what lies before the last word of a line
# Another file; no, in a list of one class; several numbers, as of places.
_NO_CLASS = re.compile(r"\.[A-Za-z]{3,4}$|^-1$|^-?[\d.]+([\s,;]+-?[\d.]+)+$")


def with_lists(dataset: Dataset, tree: Tree, *, apart: bool = False) -> Dataset:
    """Takes the split of images, and classes where there are none, from lists that name them.

    They are those of CUB-200 (`images.txt` and others that go by its numbers, there or in the
    folder above); a path and a class in each line; a path and 0, 1 or 2 in a list of partitions;
    or one list for each split: ``train.txt`` and ``test.txt``, with a path in each line. Of a
    folder that is only called ``images``, those in the folder above count too. A split by folders
    goes before.

    Args:
        dataset: Folders of images.
        tree: The folder that was given, and the files in it.
        apart: Whether train and test may be of other classes, as of people.

    Raises:
        DataError: If a list of CUB-200 cannot be understood.
    """
    found = _of_birds(dataset, tree)
    if found is not None:
        return found
    dataset = with_numbered_labels(dataset, tree)
    files = [tree.root / name for name in tree.others if name.lower().endswith(".txt")]
    files += _lists_above(tree.root) if _IMAGES.search(tree.root.resolve().name) else []
    lists = {os.path.relpath(path, tree.root).replace(os.sep, "/"): _lines(path) for path in files}
    dataset = with_people_lists(_with_classes(dataset, lists), lists, apart=apart)
    return dataset if (dataset.splits != "").any() else _by_lists(dataset, lists)


def _of_birds(dataset: Dataset, tree: Tree) -> Dataset | None:
    """Takes classes and splits from lists as CUB-200 has them; None where there are none."""
    for folder in (tree.root, tree.root.parent):
        lists = cub_lists(folder)
        if lists is None:
            continue
        names = _named(dataset, list(lists.numbers.values()))
        if not names:
            continue
        if (dataset.splits != "").any():
            return dataset
        if not dataset.labelled.any() and lists.classes:
            cells = [lists.classes.get(names.get(name, ""), "") for name in dataset.names]
            said = dataset.reading | {"labels": "image_class_labels.txt"}
            dataset = replace(dataset, labels=class_labels(cells), reading=said, source="table")
        splits = {name: lists.splits.get(each, "") for name, each in names.items()}
        return _split(dataset, splits, "train_test_split.txt") if lists.splits else dataset
    return None


def _lists_above(root: Path) -> list[Path]:
    """Returns the lists beside a folder of images, and those in the usual folders beside it."""
    above = root.resolve().parent
    homes = [p for p in above.iterdir() if p.name.lower() in _HOMES and p.is_dir()]
    return [path for home in (above, *sorted(homes)) for path in sorted(home.glob("*.txt"))]


def _with_classes(dataset: Dataset, lists: dict[str, list[str]]) -> Dataset:
    """Takes classes from what follows a path in each line, where one list says them and no folder.

    Several lists do that are called like splits, each like another, and share no image.
    """
    if len(dataset.labels.kinds) > 1:
        return dataset
    told: dict[str, dict[str, str]] = {}
    for file, lines in lists.items():
        names, rows = _told(dataset, lines)
        kinds = set(rows.values())
        if _PARTITION.search(file) or not 1 < len(kinds) <= len(rows) / 2:
            continue
        if len(names) >= _KNOWN * len(lines) and not any(map(_NO_CLASS.search, kinds)):
            told[file] = {name: rows[line] for name, line in names.items()}
    words = {file: split_word(Path(file).stem) for file in told}
    total = sum(map(len, told.values()))
    classes = {name: each for found in told.values() for name, each in found.items()}
    if not told or (len(told) > 1 and (len(set(words.values()) - {None, "pred"}) < len(told)
                                       or len(classes) < total)):  # fmt: skip
        return dataset
    files = some_of(sorted(told), 3)
    said = {"labels": f"what stands beside the path in each line of {files}"}
    labels = class_labels([classes.get(name, "") for name in dataset.names])
    dataset = replace(dataset, labels=labels, source="table", reading=dataset.reading | said)
    if len(told) < 2 or (dataset.splits != "").any():
        return dataset
    splits = {name: str(words[file]) for file, found in told.items() for name in found}
    return _split(dataset, splits, files)


def _told(dataset: Dataset, lines: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Returns image -> what names it, and that -> the rest of its line.

    What names an image is the first word; all but the last where names hold blanks; or the last.
    """
    for between, turn in ((_FIRST, 1), (_LAST, 1), (_LAST, -1)):
        rows = dict(between.split(line, 1)[::turn] for line in lines if between.search(line))
        names = _named(dataset, list(rows))
        if len(names) >= _KNOWN * len(lines):
            break
    return names, rows


def _by_lists(dataset: Dataset, lists: dict[str, list[str]]) -> Dataset:
    """Takes the split from lists of paths, of which each is called like a split."""
    kinds: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    clash = False
    for file, lines in lists.items():
        if _PARTITION.search(file):
            parts = _partitions(dataset, lines)
            if parts:
                return _split(dataset, parts, f"{file}, where 0 is train, 1 val and 2 test")
            continue
        kind = split_word(Path(file).stem.rstrip("0123456789"))
        if kind in (None, "pred"):
            continue
        names = _named(dataset, _first_words(lines))
        if not lines or len(names) < _KNOWN * len(lines):
            continue
        kinds.setdefault(str(kind), []).append(file)
        clash |= any(found.setdefault(name, str(kind)) != kind for name in names)
    files = sorted(file for each in kinds.values() for file in each)
    if not files or (len(kinds) < 2 and ("train" in kinds or len(found) == len(dataset))):
        return dataset
    if clash or max(map(len, kinds.values())) > 1:
        said = f"none ({some_of(files, 3)} split the images in several ways; give a table with a " \
               f"column split for one of them)"  # fmt: skip
        return replace(dataset, reading=dataset.reading | {"splits": said})
    if len(kinds) < 2:  # what is on no list of the test is trained on
        found = {name: found.get(name, "train") for name in dataset.names}
    return _split(dataset, found, some_of(files, 3))


def _partitions(dataset: Dataset, lines: list[str]) -> dict[str, str]:
    """Returns the split of each image by a list of 0, 1 and 2; nothing where it holds others."""
    rows = dict(_LAST.split(line, 1) for line in lines if _LAST.search(line))
    names = _named(dataset, list(rows))
    if set(rows.values()) != {"0", "1", "2"} or len(names) < _KNOWN * len(lines):
        return {}
    return {name: ("train", "val", "test")[int(rows[line])] for name, line in names.items()}


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
    """Returns the lines of a list, but for empty ones and comments."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return []
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return []
    return [normal(line) for line in text.splitlines() if normal(line) and line[0] != "#"]


def _first_words(lines: list[str]) -> list[str]:
    """Returns the paths of a list: its lines, or the first word of each where more follows."""
    words = [line.split() for line in lines]
    if lines and all(len(each) == len(words[0]) > 1 for each in words):
        return [each[0] for each in words]
    return lines
