"""The lists of CUB-200 and of what is laid out like it: numbers of images, and what is of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, as_number
from headstart.data.files.scan import Tree
from headstart.data.words import normal, plural
from headstart.errors import DataError

__all__ = ["CubLists", "cub_boxes", "cub_lists"]

_IMAGES, _LABELS = "images.txt", "image_class_labels.txt"
_SPLITS, _CLASSES, _BOXES = "train_test_split.txt", "classes.txt", "bounding_boxes.txt"
_HALF = 2


@dataclass(frozen=True)
class CubLists:
    """What the lists of a folder say of images, by their paths as `images.txt` has them.

    Attributes:
        folder: Where they lie.
        numbers: Number of an image, as text -> its path.
        classes: Path -> class; empty where nobody says.
        splits: Path -> ``"train"`` or ``"test"``; empty where nobody says.
    """

    folder: Path
    numbers: dict[str, str]
    classes: dict[str, str]
    splits: dict[str, str]


def cub_lists(folder: Path) -> CubLists | None:
    """Reads `images.txt` and the lists beside it that go by its numbers; None where it is none.

    Raises:
        DataError: If a list names an image twice, differently, or has other values than 0 and 1
            where it says what is to be trained on.
    """
    numbers = _pairs(folder / _IMAGES)
    if not numbers or not all(key.isdecimal() and "." in path for key, path in numbers.items()):
        return None
    named = _pairs(folder / _CLASSES)
    classes = {
        numbers[key]: named.get(label, label)
        for key, label in _pairs(folder / _LABELS).items() if key in numbers
    }  # fmt: skip
    told = {k: v for k, v in _pairs(folder / _SPLITS).items() if k in numbers}
    odd = next((each for each in told.values() if each not in ("0", "1")), None)
    if odd is not None:
        raise DataError(
            f"{folder / _SPLITS} holds {odd!r}: it says 1 of an image to train on, and 0 of one to "
            f"test on"
        )
    splits = {numbers[key]: "train" if each == "1" else "test" for key, each in told.items()}
    return CubLists(folder, numbers, classes, splits if len(set(splits.values())) > 1 else {})


def cub_boxes(tree: Tree) -> BoxNotes | None:
    """Reads `bounding_boxes.txt`: number, left, top, width and height; None where there is none.

    Raises:
        DataError: If its lines are others, or as `cub_lists` says.
    """
    lists = cub_lists(tree.root) if _BOXES in tree.others else None
    if lists is None:
        return None
    images = {}
    for key, rest in _pairs(tree.root / _BOXES).items():
        sides = [as_number(each) for each in rest.split()]
        if len(sides) != 4 or np.isnan(sides).any():
            raise DataError(
                f"{tree.root / _BOXES}: the line of image {key} holds {rest!r}, and not left, top, "
                f"width and height"
            )
        name = lists.numbers.get(key)
        if name is not None:
            left, top, wide, high = sides
            label = lists.classes.get(name, "object")
            box = NotedBox((left, top, left + wide, top + high), label)
            images[name] = NotedImage((box,), split=lists.splits.get(name, ""))
    said = f"left, top, width, height, in pixels; classes by {_LABELS}"
    splits = f"by {_SPLITS}" if lists.splits else ""
    return BoxNotes(images, f"{_BOXES} ({plural(len(images), 'line')})", said=said, splits=splits)


def _pairs(path: Path) -> dict[str, str]:
    """Returns the first word of each line -> the rest of it; nothing where there is no such file.

    Raises:
        DataError: If a word stands before two things.
    """
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = normal(line).split(None, 1)
        if len(words) < _HALF:
            continue
        if found.setdefault(words[0], words[1]) != words[1]:
            raise DataError(f"{path} says two things of {words[0]}: leave the right one")
    return found
