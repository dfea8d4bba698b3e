"""Boxes in `metadata.jsonl`, as Hugging Face's `imagefolder` has them: a line for each image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, as_number, tidied
from headstart.data.files.scan import Tree
from headstart.data.tables.tables import json_lines
from headstart.data.words import plural
from headstart.errors import DataError

__all__ = ["object_files", "read_objects"]

_NAME, _THINGS = "file_name", "objects"
_CLASSES = ("categories", "category", "labels", "label", "classes", "class", "category_id")
_HEAD = 1 << 16


def object_files(tree: Tree) -> list[Path]:
    """Returns the files of lines that name an image and list boxes on it."""
    found = [tree.root / name for name in tree.others if name.lower().endswith(".jsonl")]
    return [path for path in found if _holds_objects(path)]


def read_objects(files: list[Path], tree: Tree) -> BoxNotes:
    """Reads lines of `file_name` and `objects`: a `bbox` of left, top, width, height each.

    Raises:
        DataError: If a line is no record, or a box has no class where others have.
    """
    images: dict[str, NotedImage] = {}
    for path in files:
        home = os.path.relpath(path.parent, tree.root).replace(os.sep, "/")
        start = "" if home == "." else f"{home}/"
        for number, record in enumerate(json_lines(path), start=1):
            things = record.get(_THINGS) or {}
            images[start + str(record.get(_NAME))] = _noted(things, f"{path}, line {number}")
    said = "left, top, width, height, in pixels"
    return BoxNotes(images, f"metadata.jsonl ({plural(len(images), 'line')})", said=said)


def _noted(things: Any, where: str) -> NotedImage:
    """Returns the boxes of one line: columns of boxes and classes, or a record for each box."""
    if not isinstance(things, list | dict):
        raise DataError(
            f"{where}: {_THINGS} is {things!r}; give it a bbox and a category for each box"
        )
    if isinstance(things, list):
        records = [each for each in things if isinstance(each, dict)]
        boxes = [each.get("bbox") for each in records]
        classes = [next((each[k] for k in _CLASSES if k in each), None) for each in records]
    else:
        boxes = things.get("bbox") or things.get("bboxes") or []
        classes = next((things[k] for k in _CLASSES if k in things), [None] * len(boxes))
    if not (isinstance(boxes, list) and isinstance(classes, list)):
        raise DataError(f"{where}: boxes and their classes are lists, of one for each object")
    if len(classes) != len(boxes):
        raise DataError(
            f"{where}: {plural(len(boxes), 'box', 'boxes')} and "
            f"{plural(len(classes), 'class', 'classes')}: give each box its class"
        )
    noted, flaws = [], []
    for box, name in zip(boxes, classes, strict=True):
        if not isinstance(box, list) or len(box) != 4:
            raise DataError(f"{where}: {box!r} is no box of left, top, width and height")
        left, top, wide, high = map(as_number, box)
        label, flaw = tidied("object" if name is None else name)
        noted.append(NotedBox((left, top, left + wide, top + high), label))
        flaws += [flaw] if flaw else []
    return NotedImage(tuple(noted), flaw="; ".join(dict.fromkeys(flaws)))


def _holds_objects(path: Path) -> bool:
    try:
        with open(path, "rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    return all(f'"{word}"'.encode() in head for word in (_NAME, _THINGS)) and b"bbox" in head
