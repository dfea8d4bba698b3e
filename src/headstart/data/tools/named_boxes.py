"""Boxes in JSON that goes by the names of images: `{"x": {"bbox": [{"label": …, "xmin": …}]}}`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, as_number, tidied
from headstart.data.annotations.json_file import json_of
from headstart.data.words import plural
from headstart.errors import DataError

__all__ = ["has_named_boxes", "read_named_boxes"]

_LISTS = ("bbox", "bboxes", "boxes", "objects", "annotations")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SIDES = ("width", "height")
_CLASSES = ("label", "class", "name", "category")


def has_named_boxes(content: Any) -> bool:
    """Tells whether JSON lists corners under the name of each image, as Kvasir-SEG's does."""
    if not isinstance(content, dict) or not content:
        return False
    listed = [_boxes_of(each) for each in content.values()]
    known = [each for each in listed if each is not None]
    return len(known) == len(content) and any(known)


def read_named_boxes(path: Path) -> BoxNotes:
    """Reads boxes by the names of their images, in pixels.

    Raises:
        DataError: If the file holds something else.
    """
    content = json_of(path)
    if not has_named_boxes(content):
        raise DataError(f"{path} lists no corners ({', '.join(_CORNERS)}) under names of images")
    images = {}
    for name, each in content.items():
        boxes, flaws = [], []
        for record in _boxes_of(each) or []:
            left, top, right, bottom = (as_number(record[key]) for key in _CORNERS)
            given = next((record[key] for key in _CLASSES if key in record), "object")
            label, flaw = tidied(given)
            boxes.append(NotedBox((left, top, right, bottom), label))
            flaws += [flaw] if flaw else []
        size = [as_number(each.get(side)) if isinstance(each, dict) else 0 for side in _SIDES]
        width, height = (int(side) if side > 0 else 0 for side in size)
        images[name] = NotedImage(tuple(boxes), (width, height), "; ".join(dict.fromkeys(flaws)))
    files = f"{path.name} ({plural(len(images), 'image')})"
    return BoxNotes(images, files, said=f"{', '.join(_CORNERS)} in pixels")


def _boxes_of(record: Any) -> list[dict[str, Any]] | None:
    """Returns the boxes that a file lists of one image; None where it says something else."""
    if isinstance(record, dict):
        record = next((record[key] for key in _LISTS if key in record), None)
    if not isinstance(record, list):
        return None
    fits = all(isinstance(each, dict) and set(_CORNERS) <= set(each) for each in record)
    return record if fits else None
