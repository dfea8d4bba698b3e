"""Labelme's JSON: one file beside each image, with polygons and rectangles."""

from __future__ import annotations

import base64
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.data.annotations.json_file import json_of
from headstart.data.annotations.shapes import Shape, ShapeMask
from headstart.data.tools.coco import DrawnMasks
from headstart.data.words import normal, plural
from headstart.errors import DataError

__all__ = ["is_labelme", "read_labelme"]

_BACKGROUND = frozenset({"_background_", "background"})
_IGNORED = "__ignore__"


def is_labelme(content: Any) -> bool:
    """Tells whether JSON is Labelme's."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("shapes"), list)
        and all(isinstance(each, dict) for each in content["shapes"])
        and ("imagePath" in content or "imageHeight" in content)
    )


def read_labelme(files: Sequence[tuple[str, Path]]) -> DrawnMasks:
    """Reads the files of Labelme; classes are its labels, sorted, after background.

    Shapes are painted in their order. What has no area (points, lines) is set aside.

    Args:
        files: (name of the image, its JSON file).

    Raises:
        DataError: If a file is not Labelme's, or has no size.
    """
    contents = []
    labels: Counter[str] = Counter()
    for name, path in files:
        content = json_of(path)
        if not is_labelme(content):
            raise DataError(f"{path} is no file of Labelme: it has no shapes")
        contents.append((name, path, content))
        labels.update(normal(str(s.get("label", ""))) for s in content["shapes"])
    classes = sorted(set(labels) - _BACKGROUND - {_IGNORED})
    index = {name: number for number, name in enumerate(("background", *classes))}
    index |= dict.fromkeys(_BACKGROUND, 0) | {_IGNORED: 255}
    masks, aside = {}, []
    for name, path, content in contents:
        size = content.get("imageWidth"), content.get("imageHeight")
        if not all(isinstance(side, int) and side > 0 for side in size):
            size = _size_of(path.parent / str(content.get("imagePath") or ""), path)
        shapes = [_shape(s, index) for s in content["shapes"]]
        wrong = sum(shape is None for shape in shapes)
        if wrong:
            aside.append(
                (path.name, f"{plural(wrong, 'shape')} without an area (points or lines?)")
            )
        if wrong < len(shapes) or not shapes:
            masks[name] = ShapeMask(size, tuple(shape for shape in shapes if shape))
    return DrawnMasks(("background", *classes), masks, tuple(aside))


def _size_of(image: Path, path: Path) -> tuple[int, int]:
    try:
        with Image.open(image) as opened:
            return opened.size
    except OSError:
        raise DataError(f"{path} has no imageWidth and imageHeight") from None


def _shape(shape: dict[str, Any], index: dict[str, int]) -> Shape | None:
    kind = shape.get("shape_type") or "polygon"
    at = index[normal(str(shape.get("label", "")))]
    try:
        points = [(float(x), float(y)) for x, y in shape.get("points") or ()]
        if kind == "mask":
            return _pasted(shape, points, at)
        ring = tuple(number for point in _corners(kind, points) for number in point)
    except (ValueError, TypeError, OSError):
        return None
    return Shape(at, rings=(ring,)) if len(ring) >= 6 else None


def _corners(kind: str, points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yields the corners of the polygon that a shape is."""
    if kind == "polygon":
        yield from points
    elif kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        yield from ((left, top), (right, top), (right, bottom), (left, bottom))
    elif kind == "rectangle":  # four corners, as newer versions write
        yield from points
    elif kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        for step in range(72):
            angle = 2 * math.pi * step / 72
            yield x + radius * math.cos(angle), y + radius * math.sin(angle)


def _pasted(shape: dict[str, Any], points: list[tuple[float, float]], at: int) -> Shape | None:
    """Returns the area of a small picture that is laid on the image."""
    data = base64.b64decode(shape.get("mask") or "")
    with Image.open(io.BytesIO(data)) as image:
        area = np.asarray(image.convert("L")) > 0
    flat = area.T.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(np.concatenate([[0], starts, [len(flat)]]))
    left, top = round(points[0][0]), round(points[0][1])
    return Shape(at, runs=tuple(runs.tolist()), box=(left, top, area.shape[1], area.shape[0]))
