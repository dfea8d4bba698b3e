"""Boxes of YOLO: a text file for each image, a line for each object, shares of the image."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, as_number, hull
from headstart.data.annotations.place_images import pair_by_stem
from headstart.data.files.scan import Tree
from headstart.data.tools.voc import list_splits
from headstart.data.tools.yolo_names import YoloNames, yolo_names
from headstart.data.words import normal, plural
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["joined_trees", "read_yolo", "yolo_files", "yolo_rows"]

_BESIDES = frozenset({"classes", "labels", "readme", "train", "val", "valid", "test", "notes"})
_SLACK = 1.5  # beyond this a number is no share of an image, but pixels
_MOST_CLASSES = 1_000_000


def yolo_files(tree: Tree) -> list[str]:
    """Returns the text files of a folder that hold boxes as YOLO's do; none where most do not."""
    files = [
        name for name in tree.others
        if name.lower().endswith(".txt") and _plain(name) not in _BESIDES
    ]  # fmt: skip
    pairs, _ = pair_by_stem(tree.names, files)
    paired = [name for name in files if name in pairs]
    some = paired[:: max(1, len(paired) // 200)]
    rows = [yolo_rows(tree.root / name) for name in some]
    held = [row for row in rows if row]
    if not held or sum(row is None for row in rows) > len(rows) / 2:
        _refuse_near(tree, some)
        return []
    homes = {name.rpartition("/")[0] for name in paired}
    return [name for name in files if name in pairs or name.rpartition("/")[0] in homes]


def _refuse_near(tree: Tree, files: Sequence[str]) -> None:
    """Refuses files that would be YOLO's but for the classes that their lines begin with.

    Raises:
        DataError: If most of them are of that kind.
    """
    odd = []
    for name in files:
        lines = _lines(tree.root / name) or []
        words = [line.split() for line in lines]
        if words and all(len(each) == 5 for each in words):
            shares = np.array([[as_number(w) for w in each[1:]] for each in words])
            if (np.abs(shares) <= _SLACK).all():
                odd.append((name, words[0][0]))
    if odd and 2 * len(odd) > len(files):
        name, first = odd[0]
        raise DataError(
            f"{name} of {tree.root} begins with {first!r}: lines of YOLO begin with the number of "
            f"a class, 0, 1, 2 and so on; write numbers, and their names into data.yaml"
        )


def _lines(path: Path) -> list[str] | None:
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return None
    return [line for line in lines if line.strip()]


def joined_trees(inside: Tree, tree: Tree) -> Tree:
    """Returns images with the files of another folder beside them, and with their own lists.

    Args:
        inside: What `scan` found in the other folder.
        tree: The images.
    """
    start = os.path.relpath(inside.root.resolve(), tree.root.resolve()).replace(os.sep, "/")
    moved = [name if start == "." else f"{start}/{name}" for name in inside.others]
    own = [n for n in tree.others if n.lower().endswith((".txt", ".yaml", ".yml", ".names"))]
    lists = [name for name in own if not yolo_files(replace(tree, others=(name,)))]
    return replace(tree, others=tuple(sorted({*moved, *lists})))


def _plain(name: str) -> str:
    return os.path.splitext(name.rpartition("/")[2])[0].lower()


def yolo_rows(path: Path) -> list[list[float]] | None:
    """Returns the numbers of each line of a file; None where one is no class with four or more."""
    lines = _lines(path)
    if lines is None:
        return None
    rows = [[as_number(word.replace(",", ".")) for word in line.split()] for line in lines]
    fit = all(len(row) >= 5 and 0 <= row[0] < _MOST_CLASSES and row[0] % 1 == 0 for row in rows)
    return rows if fit and not any(math.isnan(each) for row in rows for each in row) else None


def read_yolo(tree: Tree, files: Sequence[str]) -> BoxNotes:
    """Reads text files of YOLO: class, centre, width and height; or class and an outline.

    An empty file says that nothing is on its image. Images without a file are not annotated.

    Args:
        tree: The images, and the files beside them.
        files: Paths of text files below the same folder.

    Raises:
        DataError: If a class has no name, the numbers are pixels, or lines have a confidence, as
            those of a prediction have.
    """
    named = yolo_names(tree)
    homes, aside = pair_by_stem(tree.names, files)
    read = {image: (name, yolo_rows(tree.root / name)) for name, image in homes.items()}
    good = {image: (name, rows) for image, (name, rows) in read.items() if rows is not None}
    aside += [(name, "a line is no class (0, 1, …) with four numbers or more")
              for name, r in read.values() if r is None]  # fmt: skip
    _refuse_others(tree, list(good.values()), named)
    used = sorted({int(row[0]) for _, rows in good.values() for row in rows})
    called = named.names or {number: str(number) for number in used}
    images, outlines = {}, 0
    splits, said, twice = _splits(tree, named)
    for image, (_, rows) in good.items():
        boxes = tuple(NotedBox(_corners(row), called[int(row[0])]) for row in rows)
        outlines += sum(len(row) > 6 for row in rows)
        if any(len(row) == 6 for row in rows):
            aside.append((image, "lines of six numbers; the last, a confidence, was passed over"))
        images[image] = NotedImage(boxes, split=splits.get(image, ""))
    ordered = sorted(called)
    again = [name for name, count in Counter(called.values()).items() if count > 1]
    aside += [(named.file, f"two classes are called {name}: taken for one") for name in again]
    parts = [named.said or "classes are called by their numbers: there is no data.yaml or "
             "classes.txt"]  # fmt: skip
    if outlines:
        turned = all(len(row) == 9 for _, rows in good.values() for row in rows)
        parts.append(f"boxes around {plural(outlines, 'outline')} among them" + (
            " (four corners each: if they are turned boxes, their angles are lost)" if turned else
            " (--task segmentation learns the outlines)"))  # fmt: skip
    return BoxNotes(
        images, f"{plural(len(good), 'text file')} (YOLO)", said="; ".join(parts), relative=True,
        names=tuple(dict.fromkeys(called[number] for number in ordered)), ids=tuple(ordered),
        set_aside=(*aside, *twice), splits=said,
    )  # fmt: skip


def _refuse_others(tree: Tree, read: list[tuple[str, list[list[float]]]], named: YoloNames) -> None:
    """Refuses what would be read wrongly: other numbers than shares, classes without a name.

    Raises:
        DataError: If there is any.
    """
    lengths = [len(row) for _, rows in read for row in rows]
    if lengths and sum(length == 6 for length in lengths) > len(lengths) / 2:
        raise DataError(
            f"the lines of {tree.root} have six numbers ({read[0][0]}), the last of them a "
            f"confidence: those are predictions. Give annotations, of five numbers a line"
        )
    if lengths and sum(length == 7 for length in lengths) > len(lengths) / 2:
        raise DataError(
            f"the lines of {tree.root} have seven numbers ({read[0][0]}): a box with a confidence "
            f"and the number of a track, or an outline of three points. Give annotations, of five "
            f"numbers a line"
        )
    odd = [name for name, rows in read for row in rows if len(row) > 7 and len(row) % 2 == 0]
    if lengths and len(odd) > len(lengths) / 2:
        raise DataError(
            f"the lines of {tree.root} are neither boxes nor outlines ({odd[0]}): five numbers "
            f"with key points after them, as YOLO's poses have. Leave the first five in each line"
        )
    big = [(n, row) for n, rows in read for row in rows if max(row[1:5], default=0) > _SLACK]
    if big and 2 * len(big) > len(lengths):
        raise DataError(
            f"the numbers of {tree.root} are no shares of the image ({big[0][0]}: "
            f"{' '.join(f'{each:g}' for each in big[0][1][:5])}): YOLO's files hold class, centre, "
            f"width and height divided by the size of the image"
        )
    used = [int(row[0]) for _, rows in read for row in rows]
    lost = {int(row[0]): name for name, rows in read for row in rows
            if named.names and int(row[0]) not in named.names}  # fmt: skip
    if lost:
        number, name = next(iter(lost.items()))
        if sorted(set(used)) == list(range(1, len(named.names) + 1)):
            raise DataError(
                f"the classes of {tree.root} are numbered 1 to {number}, and {named.said} has as "
                f"many names: YOLO counts from 0. Take 1 off each"
            )
        raise DataError(
            f"{name} of {tree.root} has the class {number}, and {named.said} has "
            f"{plural(len(named.names), 'name')} ({some_of(named.names.values(), 4)}): add its name"
        )


def _corners(row: list[float]) -> tuple[float, float, float, float]:
    if len(row) > 6 and len(row) % 2:  # an outline: x y x y …
        return hull(list(zip(row[1::2], row[2::2], strict=True)))
    if len(row) not in (5, 6):
        return (math.nan,) * 4
    _, across, down, wide, high = row[:5]
    return across - wide / 2, down - high / 2, across + wide / 2, down + high / 2


def _splits(tree: Tree, named: YoloNames) -> tuple[dict[str, str], str, list[tuple[str, str]]]:
    """Returns image -> split by lists of names, or by the folders that data.yaml names."""
    listed, said, twice = list_splits(tree)
    if listed:
        from headstart.data.annotations.place_images import stem_of

        return {name: listed.get(stem_of(name), "") for name in tree.names}, said, twice
    found = {}
    for name in tree.names:
        home = "/" + normal(name).rpartition("/")[0] + "/"
        kinds = {kind for folder, kind in named.folders.items() if f"/{folder}/" in home}
        found[name] = kinds.pop() if len(kinds) == 1 else ""
    some = len(set(found.values()) - {""}) > 1
    return (found, f"by {named.file}", []) if some else ({}, "", [])
