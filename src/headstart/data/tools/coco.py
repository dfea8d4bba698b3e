"""COCO's JSON: images, categories and annotations with polygons or run lengths."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.annotations.json_file import json_of
from headstart.data.annotations.rle import decode_runs, parse_runs
from headstart.data.annotations.shapes import Shape, ShapeMask
from headstart.data.tools.coco_names import category_names, said_of_categories
from headstart.data.words import normal, plural
from headstart.errors import DataError

__all__ = ["DrawnMasks", "draws_boxes_only", "is_coco", "read_coco"]


@dataclass(frozen=True)
class DrawnMasks:
    """Masks that an annotation file draws.

    Attributes:
        names: C class names; the first is background.
        masks: Name of an image, as the file has it -> its mask.
        set_aside: (name, reason) of what could not be used.
    """

    names: tuple[str, ...]
    masks: dict[str, ShapeMask]
    set_aside: tuple[tuple[str, str], ...] = ()


def is_coco(content: Any) -> bool:
    """Tells whether JSON is COCO's with areas, not boxes only."""
    return (
        isinstance(content, dict)
        and all(isinstance(content.get(key), list) for key in ("images", "annotations"))
        and any(isinstance(a, dict) and a.get("segmentation") for a in content["annotations"])
    )


def draws_boxes_only(content: Any) -> bool:
    """Tells whether every outline of a COCO file is its box, as some tools write boxes."""
    outlined = [a for a in content["annotations"] if isinstance(a, dict) and a.get("segmentation")]
    return bool(outlined) and all(map(_is_its_box, outlined))


def _is_its_box(annotation: dict[str, Any]) -> bool:
    outlines, box = annotation["segmentation"], annotation.get("bbox")
    try:
        [numbers] = outlines
        left, top, wide, high = map(float, box or ())
        xs, ys = {round(float(x)) for x in numbers[::2]}, {round(float(y)) for y in numbers[1::2]}
    except (TypeError, ValueError):
        return False
    edges = {round(left), round(left + wide)}, {round(top), round(top + high)}
    return len(numbers) in (8, 10) and (xs, ys) == edges


def read_coco(paths: Sequence[Path]) -> DrawnMasks:
    """Reads COCO files; categories of one name are one class, in the order of their ids.

    Larger areas are painted first, so that small ones in front of them stay. An image that the file
    lists without annotations is background all over.

    Raises:
        DataError: If a file is not COCO's, or lists an image without its size.
    """
    contents = [(path, json_of(path)) for path in paths]
    categories: dict[str, None] = {}
    aside: list[tuple[str, str]] = []
    for path, content in contents:
        if not is_coco(content):
            raise DataError(
                f"{path} is no COCO file with areas: it needs images, categories and annotations "
                f"with polygons or run lengths (segmentation)"
            )
        found = [c for c in content.get("categories") or () if isinstance(c, dict)]
        found.sort(key=lambda c: _number(c.get("id")))
        categories |= dict.fromkeys(normal(name) for name, _ in category_names(found))
        aside += [(path.name, said) for said in said_of_categories(found)]
    foreground = [name for name in categories if name.lower() not in ("background", "_background_")]
    names = ("background", *foreground)
    masks: dict[str, ShapeMask] = {}
    for path, content in contents:
        one, bad = _masks_of(path, content, {name: i for i, name in enumerate(names)})
        masks |= one
        aside += bad
    return DrawnMasks(names, masks, tuple(aside))


def _masks_of(
    path: Path, content: dict[str, Any], index: dict[str, int]
) -> tuple[dict[str, ShapeMask], list[tuple[str, str]]]:
    records = [c for c in content.get("categories") or () if isinstance(c, dict)]
    names = [normal(name) for name, _ in category_names(records)]
    called = {c.get("id"): name for c, name in zip(records, names, strict=True)}
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for each in content["annotations"]:
        by_image[each.get("image_id")].append(each)
    masks, aside = {}, []
    for image in content["images"]:
        name = str(image.get("file_name") or "").replace(os.sep, "/").replace("\\", "/")
        width, height = _number(image.get("width")), _number(image.get("height"))
        if not name or width < 1 or height < 1:
            raise DataError(f"{path}: the image {name or image.get('id')} has no name, or no size")
        shapes, wrong = [], 0
        theirs = by_image.pop(image.get("id"), [])
        for each in sorted(theirs, key=lambda a: -float(a.get("area") or 0)):
            shape = _shape(
                each, (width, height), index.get(called.get(each.get("category_id"), ""))
            )
            shapes += [shape] if shape else []
            wrong += shape is None
        if wrong:
            aside.append(
                (name, f"{plural(wrong, 'annotation')} of {path.name} without a usable area")
            )
        if wrong < len(theirs) or not theirs:
            masks[name] = ShapeMask((width, height), tuple(shapes))
    if by_image:
        some = plural(sum(map(len, by_image.values())), "annotation")
        aside.append((path.name, f"{some} of images that it does not list"))
    return masks, aside


def _number(value: Any) -> int:
    return value if isinstance(value, int) else int(value) if isinstance(value, float) else 0


def _shape(annotation: dict[str, Any], size: tuple[int, int], index: int | None) -> Shape | None:
    """Returns the area of an annotation, or None where it has none, or one that is damaged."""
    area = annotation.get("segmentation")
    index = 0 if index is None and annotation.get("category_id") == 0 else index
    if index is None or not area:
        return None
    try:
        if isinstance(area, list):
            rings = tuple(_rings(area))
            return Shape(index, rings=rings) if rings else None
        counts = area["counts"]
        runs = parse_runs(counts) if isinstance(counts, str) else [int(n) for n in counts]
        high, wide = area["size"]
        decode_runs(runs, size)  # so that a damaged one is found now, and by name
        return Shape(index, runs=tuple(runs)) if (wide, high) == size else None
    except (ValueError, KeyError, TypeError):
        return None


def _rings(area: list[Any]) -> Iterator[tuple[float, ...]]:
    """Yields the polygons of a list of them, or of a single one written without its list."""
    if area and isinstance(area[0], int | float):
        area = [area]
    for ring in area:
        if ring and isinstance(ring[0], list):  # pairs
            ring = [number for pair in ring for number in pair]
        if len(ring) >= 6 and len(ring) % 2 == 0:
            yield tuple(float(number) for number in ring)
