"""Boxes that cannot be, and boxes that hardly can: no area, crossed corners, beyond the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.records import Finding
from headstart.tasks.detection.found_boxes import box_finding, boxes_of

__all__ = ["INPUT", "SMALL", "check_odd_shapes", "check_shapes", "check_small_boxes"]

INPUT = 416
"""Side of the square that detectors see unless another is chosen, in pixels."""

SMALL = 8
"""Sides below this many pixels of the input leave hardly a trace in the maps of a network."""

_MANY, _FIT = 0.1, 0.95
_ODD, _FEWEST = 8.0, 20


def check_shapes(dataset: Dataset) -> Iterator[Finding]:
    """Yields boxes without numbers or area, with crossed corners, and beyond their images."""
    labels = boxes_of(dataset)
    corners = labels.corners
    numbers = np.isfinite(corners).all(axis=1)
    with np.errstate(invalid="ignore"):
        wide, high = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        crossed = numbers & ((wide < 0) | (high < 0))
        flat = ~numbers | (~crossed & ((wide == 0) | (high == 0)))
    beyond = _beyond(labels)
    yield from _other_reading(dataset, crossed, beyond)
    if flat.any():
        yield box_finding(
            "degenerate_boxes", "serious",
            f"{plural(int(flat.sum()), 'box has', 'boxes have')} no area, or no numbers.",
            "Mend or delete them: until then they are neither learned nor measured, and what they "
            "were meant to show counts as background.",
            dataset, np.flatnonzero(flat),
        )  # fmt: skip
    if crossed.any():
        yield box_finding(
            "crossed_corners", "serious",
            f"{plural(int(crossed.sum()), 'box has its', 'boxes have their')} right or bottom side "
            f"before the left or top one{_as_sizes(labels, crossed)}.",
            "Swap the sides, or write corners where width and height were written; until then they "
            "are neither learned nor measured.",
            dataset, np.flatnonzero(crossed),
        )  # fmt: skip
    outside = numbers & ~labels.usable & ~flat & ~crossed
    if outside.any():
        yield box_finding(
            "boxes_outside", "serious",
            f"{plural(int(outside.sum()), 'box lies', 'boxes lie')} outside of the image "
            f"altogether.",
            "See that the annotation is of this image, and of its size.",
            dataset, np.flatnonzero(outside),
        )  # fmt: skip
    shares = _in_first_pixel(labels)
    if shares.any():
        yield box_finding(
            "shares_as_pixels", "serious",
            f"{plural(int(shares.sum()), 'box lies', 'boxes lie')} in the first pixel of the "
            f"image: shares of its width and height, where pixels are read?",
            "Multiply them by width and height.",
            dataset, np.flatnonzero(shares),
        )  # fmt: skip
    over = np.flatnonzero(labels.usable & (beyond > 0))
    if len(over):
        yield box_finding(
            "boxes_over_the_edge", "warning",
            f"{plural(len(over), 'box reaches', 'boxes reach')} beyond the edge of the image.",
            "They are cut off there. If they are many, see whether the images were resized or "
            "cropped after they were annotated.",
            dataset, over[np.argsort(-beyond[over], kind="stable")],
        )  # fmt: skip


def _beyond(labels: Boxes) -> np.ndarray:
    """Returns (M,) by how many pixels boxes reach beyond their images; a pixel is nothing."""
    ends = labels.sizes[labels.items].astype(float)
    known = (ends > 0).all(axis=1)
    over = np.maximum(-labels.corners[:, :2], labels.corners[:, 2:] - ends).max(axis=1, initial=0)
    slack = np.maximum(1.0, 0.005 * ends.max(axis=1, initial=0))
    with np.errstate(invalid="ignore"):
        return np.where(known & (over > slack), over, 0.0)


def _fits(corners: np.ndarray, labels: Boxes) -> np.ndarray:
    """(M,) bool: which corners are in order and on their images."""
    ends = labels.sizes[labels.items].astype(float)
    ends[(ends <= 0).any(axis=1)] = np.inf
    with np.errstate(invalid="ignore"):
        order = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        inside = (corners[:, 2:] <= 1.01 * ends + 1) & (corners[:, :2] >= -0.01 * ends - 1)
        return np.asarray(order & inside.all(axis=1))


def _read_as_sizes(corners: np.ndarray) -> np.ndarray:
    return np.hstack([corners[:, :2], corners[:, :2] + corners[:, 2:]])


def _as_sizes(labels: Boxes, crossed: np.ndarray) -> str:
    fit = int((crossed & _fits(_read_as_sizes(labels.corners), labels)).sum())
    return f"; {fit:,} of them would fit as left, top, width, height" if fit else ""


def _other_reading(dataset: Dataset, crossed: np.ndarray, beyond: np.ndarray) -> Iterator[Finding]:
    """Says that nearly all boxes would fit if read otherwise, and many do not."""
    labels = boxes_of(dataset)
    total = len(labels.classes)
    for check, bad, other, taken, meant in _readings(dataset, crossed, beyond) if total else ():
        if bad.sum() > max(2, _MANY * total) and _fits(other, labels).mean() >= _FIT:
            yield box_finding(
                check, "serious",
                f"The numbers of boxes were read as {taken}, and {bad.sum():,} of {total:,} cannot "
                f"be that; as {meant} nearly all would fit.",
                f"Write them as {taken}, or name the columns for what they are.",
                dataset, np.flatnonzero(bad),
            )  # fmt: skip
            return


def _readings(
    dataset: Dataset, crossed: np.ndarray, beyond: np.ndarray
) -> Iterator[tuple[str, np.ndarray, np.ndarray, str, str]]:
    """Yields other readings: check, (M,) what speaks for it, (M, 4) corners, both in words."""
    corners = boxes_of(dataset).corners
    files = dataset.reading.get("files", "")
    plain, sized, centred = (
        "left, top, right, bottom", "left, top, width, height", "centre, width, height",
    )  # fmt: skip
    with np.errstate(invalid="ignore"):
        sides, middle = corners[:, 2:] - corners[:, :2], (corners[:, :2] + corners[:, 2:]) / 2
        yield "sizes_as_corners", crossed, _read_as_sizes(corners), plain, sized
        if "(YOLO)" in files or "as centre" in files:
            yield "corners_as_centres", beyond > 0, np.hstack([middle, sides]), centred, plain
            both = np.hstack([middle, middle + sides])
            yield "sizes_as_centres", beyond > 0, both, centred, sized
        else:
            yield "corners_as_sizes", beyond > 0, np.hstack([corners[:, :2], sides]), sized, plain
            both = np.hstack([corners[:, :2] - sides / 2, corners[:, :2] + sides / 2])
            yield "centres_as_sizes", beyond > 0, both, sized, centred
        yield "axes_swapped", beyond > 0, corners[:, [1, 0, 3, 2]], "x before y", "y before x"


def _in_first_pixel(labels: Boxes) -> np.ndarray:
    """Returns (M,) which boxes lie in the first pixel of a larger image, as shares of it would."""
    with np.errstate(invalid="ignore"):
        inside = (labels.corners <= 1.0).all(axis=1) & (labels.corners > 0).any(axis=1)
    return np.asarray(inside & labels.usable & (labels.sizes[labels.items].min(axis=1) > SMALL))


def check_small_boxes(dataset: Dataset, side: int = INPUT) -> Iterator[Finding]:
    """Says how many objects are too small to be seen at an input, and which input shows them.

    Args:
        dataset: N items.
        side: Of the square input in pixels.
    """
    labels = boxes_of(dataset)
    longest = labels.sizes.max(axis=1, initial=0)[labels.items].astype(float)
    usable = labels.usable & (longest > 0)
    sides = (labels.clipped[:, 2:] - labels.clipped[:, :2]).min(axis=1, initial=np.inf)
    scaled = np.where(usable, sides * side / np.maximum(longest, 1), np.inf)
    small = scaled < SMALL
    if not small.any():
        return
    counts = np.bincount(labels.classes[small], minlength=len(labels.names))
    totals = np.bincount(labels.classes[usable], minlength=len(labels.names))
    shares = counts / np.maximum(totals, 1)
    worst = int(np.argmax(shares))
    needed = side * SMALL / max(float(np.quantile(scaled[usable], 0.05)), 1e-6)
    many = shares[worst] > _MANY
    enough = f" At {32 * int(np.ceil(needed / 32)):,} pixels 19 of 20 boxes are larger."
    yield box_finding(
        "small_objects", "warning" if many else "note",
        f"{plural(int(small.sum()), 'object is', 'objects are')} less than {SMALL} pixels wide or "
        f"high at an input of {side} pixels ({shares[worst]:.0%} of {labels.names[worst]}).",
        f"They will hardly be found: choose a larger --image-size, or cut images into tiles."
        f"{enough if many and needed > side else ''}",
        dataset, np.flatnonzero(small)[np.argsort(scaled[small], kind="stable")],
    )  # fmt: skip


def check_odd_shapes(dataset: Dataset) -> Iterator[Finding]:
    """Says which boxes are much larger, smaller or longer than all others of their class."""
    labels = boxes_of(dataset)
    corners, size = labels.clipped, labels.sizes[labels.items].astype(float)
    wide, high = (np.maximum(corners[:, 2 + i] - corners[:, i], 1e-9) for i in (0, 1))
    area = np.log(wide * high / np.maximum(size.prod(axis=1), 1))
    apart = np.zeros(len(area))
    for index in range(len(labels.names)):
        own = labels.usable & (labels.classes == index) & ~labels.crowd
        if own.sum() < _FEWEST:
            continue
        for values in (area, np.log(wide / high)):
            middle = np.median(values[own])
            spread = max(1.4826 * float(np.median(np.abs(values[own] - middle))), 0.1)
            apart[own] = np.maximum(apart[own], np.abs(values[own] - middle) / spread)
    odd = np.flatnonzero(apart > _ODD)
    if len(odd):
        yield box_finding(
            "odd_boxes", "note",
            f"{plural(len(odd), 'box is', 'boxes are')} of quite another size or shape than all "
            f"others of the class.",
            "Look at them: a slip of the hand, or an object of its own kind?",
            dataset, odd[np.argsort(-apart[odd], kind="stable")],
        )  # fmt: skip
