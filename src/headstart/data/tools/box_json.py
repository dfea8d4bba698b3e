"""Boxes of Label Studio's and Labelme's JSON files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headstart.data.annotations.box_notes import (
    BoxNotes,
    NotedBox,
    NotedImage,
    as_number,
    hull,
    tidied,
)
from headstart.data.annotations.json_file import json_of
from headstart.data.tools.labelme import is_labelme
from headstart.data.words import plural, uploaded_name
from headstart.errors import DataError

__all__ = ["is_label_studio", "read_label_studio", "read_labelme_boxes"]

_KINDS = ("rectanglelabels", "rectangle", "labels")


def is_label_studio(content: Any) -> bool:
    """Tells whether JSON is an export of Label Studio, in its full or its short form."""
    first = content[0] if isinstance(content, list) and content else None
    if not isinstance(first, dict):
        return False
    if isinstance(first.get("data"), dict) and ("annotations" in first or "completions" in first):
        return True
    return isinstance(first.get("image"), str) and ("label" in first or "annotator" in first)


def read_label_studio(path: Path, images: Sequence[str]) -> BoxNotes:
    """Reads an export of Label Studio.

    Tasks without an annotation, or whose annotation was skipped, are not annotated; an annotation
    without regions says that nothing is there. Of several annotators the first is taken.

    Args:
        path: The file.
        images: The images that there are, which tell whether names were given a prefix on upload.

    Raises:
        DataError: If it is none.
    """
    content = json_of(path)
    if not is_label_studio(content):
        raise DataError(f"{path} is no export of Label Studio: it holds no list of tasks")
    there = {name.rpartition("/")[2] for name in images}
    found: dict[str, NotedImage] = {}
    aside: list[tuple[str, str]] = []
    for number, task in enumerate(content):
        name = _image_of(task, there)
        if not name:
            aside.append((f"{path.name}, task {number + 1}", "it names no image"))
            continue
        regions, several = _regions(task)
        if several > 1:
            aside.append((name, f"{several} people annotated it; the first was taken"))
        if regions is None:
            continue
        noted, lost = _studio_image(regions)
        if lost:
            aside.append((name, f"{plural(lost, 'region')} of {path.name} that are no boxes"))
        if noted.boxes or not regions or not lost:
            found[name] = noted
    return BoxNotes(found, f"{path.name} (Label Studio)", said="per cent of the image",
                    relative=True, set_aside=tuple(aside))  # fmt: skip


def _image_of(task: Any, there: set[str]) -> str:
    data = task.get("data") if isinstance(task, dict) and "data" in task else task
    data = data if isinstance(data, dict) else {}
    told = data.get("image") or data.get("img") or data.get("url") or task.get("file_upload")
    if not isinstance(told, str):
        texts = [each for each in data.values() if isinstance(each, str) and "." in each[-6:]]
        told = texts[0] if texts else ""
    name = unquote(told.partition("?d=")[2] or told.partition("?")[0]).replace("\\", "/")
    last = name.rpartition("/")[2]
    bare = uploaded_name(last)
    return bare if last not in there and bare in there else name


def _regions(task: dict[str, Any]) -> tuple[list[dict[str, Any]] | None, int]:
    """Returns the regions of the first annotation that was not skipped; None without one."""
    if "data" not in task:  # the short form
        label = task.get("label")
        return (label if isinstance(label, list) else []), 1
    given = task.get("annotations") or task.get("completions") or []
    kept = [a for a in given if isinstance(a, dict) and not a.get("was_cancelled")]
    return (list(kept[0].get("result") or []) if kept else None), len(kept)


def _studio_image(regions: list[dict[str, Any]]) -> tuple[NotedImage, int]:
    boxes, lost, size, flaws = [], 0, (0, 0), []
    for region in regions:
        value = region.get("value", region)
        kind = next((each for each in _KINDS if value.get(each)), "")
        numbers = [as_number(value.get(key)) for key in ("x", "y", "width", "height")]
        if not kind or any(math.isnan(each) for each in numbers):
            lost += region.get("type") not in ("choices", "relation", "rectangle")
            continue
        wide, high = (as_number(region.get(f"original_{s}")) for s in ("width", "height"))
        size = (int(wide), int(high)) if wide > 0 and high > 0 else size
        label, flaw = tidied(value[kind][0] if isinstance(value[kind], list) else value[kind])
        flaws += [flaw] if flaw else []
        turned = as_number(value.get("rotation"))
        if turned and not math.isnan(turned) and min(size) > 0:
            flaws.append("a turned box became the upright one around it")
        corners = _around(numbers, 0.0 if math.isnan(turned) else turned, size)
        boxes.append(NotedBox(corners, label))
    return NotedImage(tuple(boxes), size, "; ".join(dict.fromkeys(flaws))), lost


def _around(
    numbers: list[float], turned: float, size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Returns the box around one that is turned about its first corner, as shares."""
    left, top, wide, high = (each / 100 for each in numbers)
    if not turned or min(size) < 1:
        return left, top, left + wide, top + high
    sine, cosine = math.sin(math.radians(turned)), math.cos(math.radians(turned))
    points = []
    for across, down in ((0.0, 0.0), (wide, 0.0), (wide, high), (0.0, high)):
        x, y = across * size[0], down * size[1]
        points.append(
            (left + (x * cosine - y * sine) / size[0], top + (x * sine + y * cosine) / size[1])
        )
    return hull(points)


def read_labelme_boxes(files: Sequence[tuple[str, Path]]) -> BoxNotes:
    """Reads the files of Labelme: rectangles, and the boxes around polygons and circles.

    Args:
        files: (name of the image, its JSON file).

    Raises:
        DataError: If a file is not Labelme's.
    """
    found, aside, outlines = {}, [], Counter[str]()
    for name, path in files:
        content = json_of(path)
        if not is_labelme(content):
            raise DataError(f"{path} is no file of Labelme: it has no shapes")
        boxes, lost, flaws = [], 0, []
        for shape in content["shapes"]:
            label, flaw = tidied(shape.get("label", ""))
            flaws += [flaw] if flaw else []
            corners = _shape_corners(shape)
            if corners is None:
                lost += 1
                continue
            outlines[str(shape.get("shape_type") or "polygon")] += 1
            flags = shape.get("flags") or {}
            boxes.append(NotedBox(corners, label, difficult=bool(flags.get("difficult")),
                                  truncated=bool(flags.get("truncated"))))  # fmt: skip
        if lost:
            aside.append((path.name, f"{plural(lost, 'shape')} without an area (points, lines?)"))
        size = [as_number(content.get(f"image{side}")) for side in ("Width", "Height")]
        width, height = (int(side) if side > 0 else 0 for side in size)
        if boxes or not lost:
            found[name] = NotedImage(tuple(boxes), (width, height), "; ".join(dict.fromkeys(flaws)))
    drawn = sum(n for kind, n in outlines.items() if kind != "rectangle")
    said = f"boxes around {plural(drawn, 'outline')} among them" if drawn else ""
    return BoxNotes(found, f"{plural(len(files), 'file')} of Labelme", said=said,
                    set_aside=tuple(aside))  # fmt: skip


def _shape_corners(shape: dict[str, Any]) -> tuple[float, float, float, float] | None:
    kind = shape.get("shape_type") or "polygon"
    try:
        points = [(float(x), float(y)) for x, y in shape.get("points") or ()]
    except (TypeError, ValueError):
        return None
    if kind == "circle" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return x - radius, y - radius, x + radius, y + radius
    if kind in ("point", "points", "line", "linestrip") or len(points) < 2:
        return None
    return hull(points)
