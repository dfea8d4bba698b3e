"""Annotations of boxes and the images below a folder, as a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headstart.data.annotations.box_notes import BoxNotes, NotedImage
from headstart.data.annotations.place_images import place_images
from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.data.files.image_sizes import image_sizes, turn_corners
from headstart.data.files.scan import Tree
from headstart.data.labels import Classes
from headstart.data.masks.pairs import split_by_folders
from headstart.data.masks.splits import with_splits
from headstart.data.tables.roles import NONE, Columns
from headstart.data.tables.sidecar import add_sidecar
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["from_notes"]

_LARGE, _PER_CENT, _MANY = 200, 100, 10
_TINY = 8  # pixels of a side, from which on no set of boxes lies in the first pixel


def from_notes(tree: Tree, notes: BoxNotes, columns: Columns) -> Dataset:
    """Makes the data set of images and their boxes; images that no file lists are not annotated.

    Args:
        tree: The images.
        notes: What the files say.
        columns: Those that were asked for; of tables beside the images, where the notes are none.

    Raises:
        DataError: If fewer than half of the images that are annotated are there, or nothing is.
    """
    notes = _with_classes(notes)
    if not notes.images:
        raise DataError(f"{tree.root}: no annotation can be read{_why(notes)}")
    splits = {name: each.split for name, each in notes.images.items()}
    homes, lost = place_images(tree.names, splits)
    if not homes or 2 * len(homes) < len(notes.images):
        some = some_of(sorted(set(notes.images) - set(homes.values())), 3) or "none"
        raise DataError(
            f"{notes.files} annotates {plural(len(notes.images), 'image')}, and "
            f"{len(homes)} of them are below {tree.root} (not there: {some}): give the folder "
            f"of the images, and say where the annotations are with --annotations"
        )
    given = [notes.images.get(homes.get(name, "")) for name in tree.names]
    labels, unread = _labels(tree, given, notes)
    if not len(labels.classes):
        raise DataError(f"{notes.files} of {tree.root} holds no box at all{_why(notes)}")
    if np.isnan(labels.corners).any(axis=1).all():
        raise DataError(
            f"{notes.files} of {tree.root}: no box has four numbers (turned boxes, of five, are "
            f"not read): write left, top, width and height of the upright box around each object"
        )
    _refuse_shares(labels, notes, tree)
    told = [each.split if each else "" for each in given]
    by_notes = any(told)
    aside = {*tree.set_aside, *lost, *notes.set_aside, *unread}
    bare = Dataset(
        tree.root, tree.names, Classes((), np.full(len(tree.names), -1)),
        np.array(told if by_notes else split_by_folders(tree.names), "U5"),
        set_aside=tuple(sorted(aside)), others=tree.endings, task="detection",
        reading={
            "files": ", ".join(each for each in (notes.files, notes.said) if each),
            "splits": (notes.splits or "as given") if by_notes else "by folders",
        },
        guessed=frozenset({"files"} if notes.guessed else ()),
    )  # fmt: skip
    own, asked = _with_columns(bare, notes, homes, replace(columns, label=None, image=None))
    known = add_sidecar(own, asked)
    if columns.split == NONE:
        known = replace(known, splits=np.full(len(known), "", "U5"))
    reading = known.reading | {"labels": _reading(labels, notes)}
    return with_splits(replace(known, labels=labels, reading=reading))


def _with_classes(notes: BoxNotes) -> BoxNotes:
    """Leaves out boxes without a class; an image that has no other is not one without objects."""
    images, aside = {}, list(notes.set_aside)
    for name, each in notes.images.items():
        kept = tuple(box for box in each.boxes if box.label)
        if len(kept) < len(each.boxes):
            lost = plural(len(each.boxes) - len(kept), "box", "boxes")
            aside.append((name, f"{lost} without a class, left out"))
        if kept or not each.boxes:
            images[name] = replace(each, boxes=kept)
    return replace(notes, images=images, set_aside=tuple(aside))


def _why(notes: BoxNotes) -> str:
    """Returns what was set aside first, where that is why nothing is left."""
    if not notes.set_aside:
        return ""
    (name, reason), more = notes.set_aside[0], len(notes.set_aside) - 1
    return f" ({name}: {reason}{f', and {more:,} more like it' if more else ''})"


def _refuse_shares(labels: Boxes, notes: BoxNotes, tree: Tree) -> None:
    """Refuses boxes that are shares of their images where pixels are read.

    Raises:
        DataError: If none reaches beyond the first pixel, or all fill the first hundred of images
            that are much larger.
    """
    inside = labels.corners[labels.usable]
    known = labels.sizes[labels.annotated].min(initial=_TINY) >= _TINY
    if not notes.relative and known and len(inside) and inside.max() <= 1.0:
        raise DataError(
            f"all boxes of {notes.files} of {tree.root} lie between 0 and 1, as shares of the "
            f"image do, and pixels are read there: multiply them by its width and height"
        )
    shortest = labels.sizes[labels.annotated].min(initial=_LARGE)
    per_cent = len(inside) >= _MANY and _PER_CENT * 0.9 < inside.max() <= _PER_CENT
    if not notes.relative and shortest >= _LARGE and per_cent:
        raise DataError(
            f"all boxes of {notes.files} of {tree.root} lie between 0 and 100, as per cent of the "
            f"image do, and pixels are read there: multiply them by its width and height, over 100"
        )


def _with_columns(
    bare: Dataset, notes: BoxNotes, homes: dict[str, str], columns: Columns
) -> tuple[Dataset, Columns]:
    """Returns the images with the columns of a table of boxes, and what is still asked for."""
    found = {
        name: np.array([cells.get(homes.get(image, ""), "") for image in bare.names])
        for name, cells in notes.columns.items()
    }
    bare = replace(bare, attributes=found)
    if columns.split in found:
        columns = replace(columns, split=None)  # read already, row by row
    if columns.group in found:
        said = bare.reading | {"groups": f"column {columns.group}, as asked"}
        bare = replace(bare, groups=found[columns.group], reading=said)
        columns = replace(columns, group=None)
    return bare, columns


def _labels(
    tree: Tree, given: Sequence[NotedImage | None], notes: BoxNotes
) -> tuple[Boxes, list[tuple[str, str]]]:
    """Returns the boxes in pixels of the upright images, and images that cannot be used."""
    sizes, orientations = image_sizes([tree.root / name for name in tree.names])
    there = [each for each in given if each is not None]
    used = {box.label for each in there for box in each.boxes}
    names = tuple(each for each in notes.names if each in used) if notes.names else ()
    names = names or tuple(sorted(used, key=_in_order))
    index = {name: number for number, name in enumerate(names)}
    unread, turned, corners = [], np.zeros(len(given), np.int64), []
    annotated = np.array([each is not None for each in given], bool)
    for item, each in enumerate(given):
        if each is None:
            continue
        if notes.relative and not sizes[item].all():
            annotated[item] = False
            unread.append((tree.names[item], "its size cannot be read, and its boxes are shares"))
            continue
        size = (int(sizes[item, 0]), int(sizes[item, 1]))
        found = np.array([box.corners for box in each.boxes], float).reshape(-1, 4)
        turned[item] = _frame(size, each.size, int(orientations[item]))
        stored = size[::-1] if turned[item] == 1 else size
        found = found * np.tile(stored, 2) if notes.relative else found
        if turned[item] == 1:
            found = turn_corners(found, int(orientations[item]), size)
        corners.append(found)
    kept = [each if use else None for each, use in zip(given, annotated, strict=True)]
    boxes = [box for each in kept if each for box in each.boxes]
    counts = [len(each.boxes) if each else 0 for each in kept]
    return (
        Boxes(
            names, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([np.zeros((0, 4)), *corners]),
            np.array([index[box.label] for box in boxes], np.int64), annotated, sizes,
            np.array([box.crowd for box in boxes], bool),
            np.array([box.difficult for box in boxes], bool),
            np.array([box.truncated for box in boxes], bool),
            _stated(kept, sizes, notes.relative),
            turned, tuple(each.flaw if each else "" for each in kept), notes.ids,
        ),
        unread,
    )  # fmt: skip


def _stated(kept: Sequence[NotedImage | None], sizes: np.ndarray, relative: bool) -> np.ndarray:
    """Returns (N, 2) the sizes that are stated; shares are right at any size of the same shape."""
    stated = np.array([each.size if each else (0, 0) for each in kept], np.int64).reshape(-1, 2)
    if relative:
        ratio = stated[:, 0] * sizes[:, 1] / np.maximum(stated[:, 1] * sizes[:, 0], 1)
        stated[np.abs(ratio - 1) < 0.02] = 0
    return stated


def _in_order(name: str) -> tuple[int, str]:
    """Numbers in their order, before names in theirs."""
    return (int(name), "") if re.fullmatch(r"\d{1,9}", name) else (10**9, name)


def _frame(size: tuple[int, int], stated: tuple[int, int], orientation: int) -> int:
    """Tells whether boxes are of the image as it is stored or as it is shown: see `Boxes.turned`.

    A photo that its camera turned by a right angle has another width than its annotation says,
    where somebody annotated it as it is stored.
    """
    if orientation == 1:
        return 0
    if orientation >= 5 and size[0] != size[1] and min(stated) > 0:
        if stated == size:
            return 2
        if stated == size[::-1]:
            return 1
    return 3


def _reading(labels: Boxes, notes: BoxNotes) -> str:
    known, empty = labels.annotated, labels.annotated & (labels.counts == 0)
    counts = labels.tallies.sum(axis=0)
    said = some_of([f"{n} {c:,}" for n, c in zip(labels.names, counts.tolist(), strict=True)], 12)
    parts = [f"{plural(len(labels.classes), 'box', 'boxes')} on {plural(int(known.sum()), 'image')}"
             f" ({said})"]  # fmt: skip
    if empty.any():
        parts.append(f"nothing is on {int(empty.sum()):,} of them, as their annotation says")
    if not known.all():
        parts.append(
            f"{plural(int((~known).sum()), 'image')} without annotation not taken for empty ones"
        )
    absent = [name for name in notes.names if name not in labels.names]
    if absent:
        parts.append(f"never annotated: {some_of(absent, 6)}")
    turned = Counter(labels.turned[known].tolist())
    if turned[1]:
        parts.append(f"boxes of {turned[1]} turned with their images (EXIF)")
    return "; ".join(parts)
