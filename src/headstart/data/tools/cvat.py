"""CVAT's own XML ("CVAT for images 1.1"): one file for many images."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from headstart.data.tools.outlines import Outline, OutlinedImage, around
from headstart.data.tools.voc import parse_xml
from headstart.data.words import split_name
from headstart.errors import DataError

__all__ = ["is_cvat", "read_cvat"]


_MOST_BYTES = 1 << 29


def is_cvat(path: Path) -> bool:
    """Tells by its first bytes whether an XML file is CVAT's."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except OSError:
        return False
    return b"<annotations>" in head and (b"<version>1" in head or b"<image " in head)


def read_cvat(path: Path) -> list[OutlinedImage]:
    """Reads a file of CVAT: boxes, polygons, ellipses and brushed masks; the last painted on top.

    Raises:
        DataError: If it is of a film, no readable XML, or a number in it is none.
    """
    root = parse_xml(path, most=_MOST_BYTES)
    if root.find("track") is not None:
        raise DataError(
            f"{path} follows objects through a film (CVAT for video): export it as 'CVAT for "
            f"images 1.1', with the images"
        )
    try:
        return [_image(each) for each in root.iterfind("image")]
    except (TypeError, ValueError, KeyError) as error:
        raise DataError(f"{path}: a shape in it cannot be understood ({error})") from None


def _image(element: ElementTree.Element) -> OutlinedImage:
    ordered = sorted(element, key=lambda each: int(float(each.get("z_order") or 0)))
    size = (int(float(element.get("width") or 0)), int(float(element.get("height") or 0)))
    drawn = tuple(_outline(each) for each in ordered if each.tag != "tag")
    name = (element.get("name") or "").replace("\\", "/")
    return OutlinedImage(name, drawn, size, split_name(element.get("subset") or "") or "")


def _outline(element: ElementTree.Element) -> Outline:
    label, told = element.get("label") or "", element.attrib
    if element.tag == "box":
        left, top, right, bottom = (float(told[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        turned = math.radians(float(told.get("rotation") or 0))
        points = _turned(corners, turned) if turned else corners
        return Outline(label, points, rectangle=True, turned=bool(turned))
    if element.tag == "polygon":
        pairs = [pair.split(",") for pair in told["points"].split(";") if pair]
        return Outline(label, tuple((float(x), float(y)) for x, y in pairs))
    if element.tag == "ellipse":
        x, y, across, down = (float(told[name]) for name in ("cx", "cy", "rx", "ry"))
        turned = math.radians(float(told.get("rotation") or 0))
        return Outline(label, _turned(around(x, y, across, down), turned))
    if element.tag == "mask":
        return _brushed(label, told)
    return Outline(label)  # points, lines, skeletons, cuboids


def _turned(
    points: tuple[tuple[float, float], ...], angle: float
) -> tuple[tuple[float, float], ...]:
    """Turns points about the middle of them, clockwise as the image is seen."""
    given = np.array(points)
    middle = (given.min(axis=0) + given.max(axis=0)) / 2
    sine, cosine = math.sin(angle), math.cos(angle)
    turned = (given - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle
    return tuple((float(x), float(y)) for x, y in turned)


def _brushed(label: str, told: dict[str, str]) -> Outline:
    """Returns a mask, whose run lengths go along the rows of its box."""
    left, top, wide, high = (int(float(told[name])) for name in ("left", "top", "width", "height"))
    lengths = np.array([int(each) for each in told["rle"].split(",")], np.int64)
    if (lengths < 0).any() or lengths.sum() != wide * high:
        raise ValueError(f"run lengths of {lengths.sum():,} pixels in a box of {wide * high:,}")
    rows = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(high, wide)
    flat = rows.T.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(np.concatenate([[0], starts, [len(flat)]]))
    return Outline(label, runs=tuple(runs.tolist()), box=(left, top, wide, high))
