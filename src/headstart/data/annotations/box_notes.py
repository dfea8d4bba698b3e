"""What annotation files say of boxes, before it is known where the images are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BoxNotes", "NotedBox", "NotedImage", "as_number", "hull", "tidied"]


@dataclass(frozen=True)
class NotedBox:
    """One object.

    Attributes:
        corners: Left, top, right, bottom, in pixels or as shares of the image; NaN where a file
            has no number.
        label: Its class as the file writes it.
        crowd: One box around many.
        difficult: Hard to recognise, or said to be passed over.
        truncated: Cut off by the edge of the image.
    """

    corners: tuple[float, float, float, float]
    label: str
    crowd: bool = False
    difficult: bool = False
    truncated: bool = False


@dataclass(frozen=True)
class NotedImage:
    """The objects of one image; none where somebody looked and found nothing.

    Attributes:
        boxes: Of its objects.
        size: Width and height of the image by the file; zeros where it is silent.
        flaw: What had to be mended, for people.
        split: The split that the file says, or "".
    """

    boxes: tuple[NotedBox, ...] = ()
    size: tuple[int, int] = (0, 0)
    flaw: str = ""
    split: str = ""


@dataclass(frozen=True)
class BoxNotes:
    """What one kind of annotation files says.

    Attributes:
        images: Name of an image, as the files have it -> its objects.
        files: Which files they are, for people.
        said: How their numbers were understood, for people.
        relative: Whether corners are shares of width and height.
        names: Classes in the order of the files; without, they are sorted.
        ids: Their numbers in the files.
        set_aside: (name, reason) of what could not be used.
        splits: Where the splits come from, for people.
        guessed: Whether how they were understood was guessed.
        columns: Further columns of a table: name -> image -> cell.
    """

    images: dict[str, NotedImage]
    files: str
    said: str = ""
    relative: bool = False
    names: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    set_aside: tuple[tuple[str, str], ...] = ()
    splits: str = ""
    guessed: bool = False
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


def as_number(value: Any) -> float:
    """Returns a value of a file as a number; NaN where it is none."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def hull(points: Iterable[Sequence[float]]) -> tuple[float, float, float, float]:
    """Returns the corners of the box around some points; NaN without any."""
    xs, ys = zip(*((point[0], point[1]) for point in points)) if points else ((), ())
    if not xs:
        return (math.nan,) * 4
    return min(xs), min(ys), max(xs), max(ys)


def tidied(label: Any) -> tuple[str, str]:
    """Returns a label in one normal form, and what was mended in it, if anything."""
    from headstart.data.words import normal

    text = "" if label is None else str(label)
    found = " ".join(normal(text).split())
    return found, "" if found == text else f"label {text!r} has blanks that were taken off"
