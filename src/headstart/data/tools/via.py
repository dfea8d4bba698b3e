"""The VGG Image Annotator's files (VIA 2): JSON, saved projects, and tables with a row a region."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.data.annotations.json_file import json_of
from headstart.data.tables.tables import TABLES, read_table
from headstart.data.tools.outlines import Outline, OutlinedImage, around
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["is_via", "read_via"]

_CLASS = ("class", "label", "name", "type", "category", "object", "species")
_REGIONS = ("filename", "region_shape_attributes", "region_attributes")


def is_via(path: Path) -> bool:
    """Tells whether a JSON file or a table is VIA's."""
    try:
        if path.suffix.lower() in TABLES:
            with open(path, "rb") as stream:
                head = stream.read(4096).replace(b"\0", b"")
            return all(each.encode() in head for each in _REGIONS)
        return b'"shape_attributes"' in path.read_bytes() and bool(_records(json_of(path)))
    except (DataError, OSError):
        return False


def read_via(path: Path) -> list[OutlinedImage]:
    """Reads a file of VIA. A file without regions says that nothing is on that image.

    Raises:
        DataError: If it is damaged, or its regions have several attributes of which none is called
            like a class.
    """
    is_table = path.suffix.lower() in TABLES
    given = _rows(path) if is_table else _records(json_of(path))
    if not given:
        raise DataError(f"{path} is no file of VIA: it has no regions")
    told: Counter[str] = Counter()
    for regions in given.values():
        for region in regions:
            told.update(k for k, v in _attributes(region).items() if v not in ("", None, {}))
    key = _class_of(told, path)
    try:
        return [
            OutlinedImage(name, tuple(_outline(each, key) for each in regions))
            for name, regions in given.items()
        ]
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: a region in it cannot be understood ({error})") from None


def _records(content: Any) -> dict[str, list[dict[str, Any]]]:
    """Returns image -> its regions, of an export or of a saved project."""
    if isinstance(content, dict) and isinstance(content.get("_via_img_metadata"), dict):
        content = content["_via_img_metadata"]
    if not isinstance(content, dict):
        return {}
    found = {}
    for each in content.values():
        if not isinstance(each, dict) or "filename" not in each:
            return {}
        regions = each.get("regions") or []
        regions = list(regions.values()) if isinstance(regions, dict) else regions  # VIA 1
        found[str(each["filename"])] = [one for one in regions if isinstance(one, dict)]
    return found


def _rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    table = read_table(path)
    files, shapes, attributes = (table.column(name) for name in _REGIONS)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, name in enumerate(files):
        try:
            shape, told = json.loads(shapes[row] or "{}"), json.loads(attributes[row] or "{}")
        except ValueError as error:
            raise DataError(f"{path}, row {row + 2}: a cell is no JSON ({error})") from None
        regions = found[name]
        if shape:
            regions.append({"shape_attributes": shape, "region_attributes": told})
    return found


def _attributes(region: Mapping[str, Any]) -> dict[str, Any]:
    told = region.get("region_attributes")
    return told if isinstance(told, dict) else {}


def _class_of(told: Counter[str], path: Path) -> str:
    """Returns the attribute that is the class; "" where regions have none.

    Raises:
        DataError: If several could be it.
    """
    if len(told) < 2:
        return next(iter(told), "")
    called = [key for word in _CLASS for key in told if key.lower() == word]
    if not called:
        raise DataError(
            f"the regions of {path} have several attributes ({some_of(sorted(told), 4)}), and none "
            f"is called class: call the one that is so"
        )
    return called[0]


def _outline(region: Mapping[str, Any], key: str) -> Outline:
    shape = region["shape_attributes"]
    value = _attributes(region).get(key, "") if key else "object"
    if isinstance(value, dict):  # boxes to tick
        value = next((name for name, ticked in value.items() if ticked), "")
    kind, label = shape.get("name"), str(value)
    if kind == "rect":
        left, top, wide, high = (float(shape[side]) for side in ("x", "y", "width", "height"))
        right, bottom = left + wide, top + high
        return Outline(label, ((left, top), (right, top), (right, bottom), (left, bottom)), True)
    if kind == "polygon":
        xs, ys = shape["all_points_x"], shape["all_points_y"]
        return Outline(label, tuple((float(x), float(y)) for x, y in zip(xs, ys, strict=True)))
    if kind in ("circle", "ellipse"):
        across, down = (float(shape.get(name, shape.get("r", 0))) for name in ("rx", "ry"))
        return Outline(label, around(float(shape["cx"]), float(shape["cy"]), across, down))
    return Outline(label)  # points and lines
