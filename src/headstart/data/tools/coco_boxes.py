"""Boxes of COCO's JSON files."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.data.annotations.box_notes import (
    BoxNotes,
    NotedBox,
    NotedImage,
    as_number,
    hull,
    tidied,
)
from headstart.data.annotations.json_file import json_of
from headstart.data.tools.coco_names import category_names
from headstart.data.words import plural, split_word
from headstart.errors import DataError
from headstart.lists import short_names, some_of

__all__ = ["has_coco_boxes", "read_coco_boxes"]


def has_coco_boxes(content: Any) -> bool:
    """Tells whether JSON is COCO's with boxes, or with images on which nothing is."""
    return (
        isinstance(content, dict)
        and all(isinstance(content.get(key), list) for key in ("images", "annotations"))
        and isinstance(content.get("categories"), list)
        and all(isinstance(each, dict) for each in content["images"][:1])
        and (
            not content["annotations"]
            or any(isinstance(a, dict) and "bbox" in a for a in content["annotations"])
        )
    )


def read_coco_boxes(paths: Sequence[Path], root: Path) -> BoxNotes:
    """Reads COCO files: one, or one for each split.

    Classes are in the order of the numbers of their categories; those of one name are one.

    Args:
        paths: The files.
        root: The folder of the images.

    Raises:
        DataError: If a file is not COCO's, or several are there that no split tells apart.
    """
    words = {path: split_word(path.stem) or split_word(path.parent.name) for path in paths}
    names = some_of(short_names(paths), 3)
    if len(paths) > 1 and (None in words.values() or len(set(words.values())) < len(paths)):
        raise DataError(
            f"several files hold boxes ({names}): say which is meant with --annotations FILE"
        )
    images: dict[str, NotedImage] = {}
    aside: list[tuple[str, str]] = []
    ids: dict[str, int] = {}
    for path in paths:
        content = json_of(path)
        if not has_coco_boxes(content):
            raise DataError(_why_not(path, content))
        found, bad = _images_of(path, content, ids, root)
        split = (words[path] or "").replace("pred", "") if len(paths) > 1 else ""
        for name, each in found.items():
            # The same name in another split may well be another image, in a folder of its own.
            key = f"{split}/{name}" if name in images else name
            images[key] = NotedImage(each.boxes, each.size, each.flaw, split)
        aside += bad
    ordered = sorted(ids, key=lambda name: ids[name])
    return BoxNotes(
        images, f"{names} (COCO)", names=tuple(ordered), ids=tuple(ids[name] for name in ordered),
        set_aside=tuple(aside), splits="by the names of the files" if len(paths) > 1 else "",
    )  # fmt: skip


def _why_not(path: Path, content: Any) -> str:
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, dict) and "score" in first and "bbox" in first:
        return f"{path} holds detections with scores, and no annotations; give the file of these"
    return f"{path} is no COCO file with boxes: it needs images, categories and annotations (bbox)"


def _images_of(
    path: Path, content: dict[str, Any], ids: dict[str, int], root: Path
) -> tuple[dict[str, NotedImage], list[tuple[str, str]]]:
    called, aside = _categories(path, content, ids)
    by_image: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in _records(path, content, "annotations"):
        by_image[str(each.get("image_id"))].append(each)
    start = os.path.relpath(path.parent, root).replace(os.sep, "/") + "/"
    found: dict[str, NotedImage] = {}
    whose: dict[str, str] = {}
    for image in _records(path, content, "images"):
        name = str(image.get("file_name") or image.get("id")).replace("\\", "/")
        if not start.startswith((".", "/")) and (root / (start + name)).is_file():
            name = start + name
        if not isinstance(image.get("id"), int | str | float):
            raise DataError(
                f"{path}: the image {name} has no number (id) that annotations could name"
            )
        number = str(image.get("id"))
        if whose.setdefault(number, name) != name:
            raise DataError(
                f"{path} gives the number {number} to {whose[number]} and to {name}, so that "
                f"nobody knows whose the annotations are: number each image for itself"
            )
        theirs = by_image.pop(number, [])
        boxes = [box for each in theirs if (box := _box(each, called)) is not None]
        if len(boxes) < len(theirs):
            lost = plural(len(theirs) - len(boxes), "annotation")
            aside.append((name, f"{lost} of {path.name} without a category of the file"))
        if theirs and not boxes:
            continue  # something is there, and nobody knows what: no image without objects
        if name in found:
            aside.append((name, f"listed more than once in {path.name}; the boxes of all are its"))
            boxes = [*found[name].boxes, *boxes]
        size = [as_number(image.get(side)) for side in ("width", "height")]
        width, height = (int(side) if 0 < side < math.inf else 0 for side in size)
        found[name] = NotedImage(tuple(boxes), (width, height))
    if by_image:
        some = plural(sum(map(len, by_image.values())), "annotation")
        aside.append((path.name, f"{some} of images that it does not list"))
    return found, aside


def _categories(
    path: Path, content: dict[str, Any], ids: dict[str, int]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Returns number -> name of the categories, and what was mended; fills name -> number."""
    called: dict[str, str] = {}
    aside = []
    records = _records(path, content, "categories")
    for each, (given, unnamed) in zip(records, category_names(records), strict=True):
        number = each.get("id")
        name, flaw = tidied(given)
        if called.get(str(number), name) != name:
            raise DataError(
                f"{path} gives the number {number} to two categories, {called[str(number)]} and "
                f"{name}: number each for itself"
            )
        aside += [(path.name, unnamed)] if unnamed else []
        if name in called.values():
            aside.append((path.name, f"two categories are called {name}: taken for one"))
        elif flaw:
            aside.append((path.name, f"category {number}: {flaw}"))
        called[str(number)] = name
        ids.setdefault(name, number if isinstance(number, int) else len(ids))
    return called, aside


def _records(path: Path, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Returns a list of the file.

    Raises:
        DataError: If anything in it is no record of fields.
    """
    given: list[Any] = content[key]
    odd = next((at for at, each in enumerate(given) if not isinstance(each, dict)), None)
    if odd is not None:
        raise DataError(
            f"{path}: number {odd + 1} of its {key} is {str(given[odd])[:40]!r}, and no record "
            f"with fields; export the file again"
        )
    return given


def _box(annotation: dict[str, Any], called: dict[str, str]) -> NotedBox | None:
    label = called.get(str(annotation.get("category_id")))
    if label is None:
        return None
    return NotedBox(
        _corners(annotation), label, crowd=bool(annotation.get("iscrowd")),
        difficult=bool(annotation.get("ignore") or annotation.get("difficult")),
        truncated=bool(annotation.get("truncated")),
    )  # fmt: skip


def _corners(annotation: dict[str, Any]) -> tuple[float, float, float, float]:
    """Returns the corners of a box, or of the one around an outline that has none."""
    box, outlines = annotation.get("bbox"), annotation.get("segmentation")
    if not box and isinstance(outlines, list) and all(isinstance(each, list) for each in outlines):
        numbers = [[as_number(each) for each in outline] for outline in outlines]
        return hull([xy for each in numbers for xy in zip(each[::2], each[1::2], strict=False)])
    four = [as_number(each) for each in box] if isinstance(box, list) else []
    left, top, wide, high = four if len(four) == 4 else [math.nan] * 4
    return left, top, left + wide, top + high
