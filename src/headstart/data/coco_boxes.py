"""Boxes of COCO's JSON files."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.data.box_notes import BoxNotes, NotedBox, NotedImage, as_number, tidied
from headstart.data.json_file import json_of
from headstart.data.words import plural, split_word
from headstart.errors import DataError
from headstart.lists import some_of

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
    names = some_of([path.name for path in paths], 3)
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
    called: dict[Any, str] = {}
    aside = []
    for each in content["categories"]:
        (name, flaw), number = tidied(each.get("name", each.get("id"))), each.get("id")
        if name in called.values():
            aside.append((path.name, f"two categories are called {name}: taken for one"))
        elif flaw:
            aside.append((path.name, f"category {number}: {flaw}"))
        called[number] = name
        ids.setdefault(name, number if isinstance(number, int) else len(ids))
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for each in content["annotations"]:
        by_image[each.get("image_id")].append(each)
    start = os.path.relpath(path.parent, root).replace(os.sep, "/") + "/"
    found: dict[str, NotedImage] = {}
    for image in content["images"]:
        name = str(image.get("file_name") or image.get("id")).replace("\\", "/")
        if not start.startswith((".", "/")) and (root / (start + name)).is_file():
            name = start + name
        theirs = by_image.pop(image.get("id"), [])
        boxes = [box for each in theirs if (box := _box(each, called)) is not None]
        if len(boxes) < len(theirs):
            lost = plural(len(theirs) - len(boxes), "annotation")
            aside.append((name, f"{lost} of {path.name} without a category of the file"))
        size = [as_number(image.get(side)) for side in ("width", "height")]
        width, height = (int(side) if side > 0 else 0 for side in size)
        found[name] = NotedImage(tuple(boxes), (width, height))
    if by_image:
        some = plural(sum(map(len, by_image.values())), "annotation")
        aside.append((path.name, f"{some} of images that it does not list"))
    return found, aside


def _box(annotation: dict[str, Any], called: dict[Any, str]) -> NotedBox | None:
    label = called.get(annotation.get("category_id"))
    if label is None:
        return None
    box = annotation.get("bbox")
    numbers = [as_number(each) for each in box] if isinstance(box, list) else []
    left, top, wide, high = numbers if len(numbers) == 4 else [math.nan] * 4
    return NotedBox(
        (left, top, left + wide, top + high), label, crowd=bool(annotation.get("iscrowd")),
        difficult=bool(annotation.get("ignore") or annotation.get("difficult")),
        truncated=bool(annotation.get("truncated")),
    )  # fmt: skip
