"""What people drew on images with an annotation tool, read once as boxes and once as masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage, hull, tidied
from headstart.data.annotations.place_images import place_images
from headstart.data.annotations.shapes import Shape, ShapeMask
from headstart.data.files.image_sizes import image_sizes
from headstart.data.files.scan import Tree
from headstart.data.tools.coco import DrawnMasks
from headstart.data.words import plural

__all__ = ["Outline", "OutlinedImage", "all_boxes", "around", "outlined_boxes", "outlined_masks"]

_BACKGROUND = frozenset({"background", "_background_"})


@dataclass(frozen=True)
class Outline:
    """One thing that was drawn.

    Attributes:
        label: Its class as the file writes it.
        points: Corners of a polygon, in pixels; empty where it has no area (a point, a line).
        rectangle: Whether it was drawn as a box.
        runs: Run lengths instead of a polygon, down the columns of `box`.
        box: Left, top, width and height of what `runs` are of.
        turned: Whether such a box was turned afterwards.
    """

    label: str
    points: tuple[tuple[float, float], ...] = ()
    rectangle: bool = False
    runs: tuple[int, ...] | None = None
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    turned: bool = False


@dataclass(frozen=True)
class OutlinedImage:
    """What was drawn on one image; nothing where somebody looked and found nothing.

    Attributes:
        name: As the file has it.
        outlines: In the order in which they are painted.
        size: Width and height by the file; zeros where it is silent.
        split: The split that the file says, or "".
    """

    name: str
    outlines: tuple[Outline, ...] = ()
    size: tuple[int, int] = (0, 0)
    split: str = ""


def around(x: float, y: float, across: float, down: float) -> tuple[tuple[float, float], ...]:
    """Returns corners around a centre: a circle, or an ellipse with these half axes."""
    angles = [2 * math.pi * step / 72 for step in range(72)]
    return tuple((x + across * math.cos(a), y + down * math.sin(a)) for a in angles)


def all_boxes(images: Sequence[OutlinedImage]) -> bool:
    """Tells whether every area is a box, so that boxes were meant and no masks."""
    areas = [o for each in images for o in each.outlines if o.points or o.runs is not None]
    return bool(areas) and all(each.rectangle for each in areas)


def outlined_boxes(images: Sequence[OutlinedImage], files: str) -> BoxNotes:
    """Returns the boxes around what was drawn.

    Args:
        images: With what is on them.
        files: Which files they come from, for people.
    """
    found, aside, drawn = {}, [], 0
    for each in images:
        boxes, flaws, lost = [], [], 0
        for one in each.outlines:
            left, top, wide, high = one.box
            if one.points:
                corners = hull(one.points)
            elif one.runs is not None:
                corners = (left, top, left + wide, top + high)
            else:
                lost += 1
                continue
            drawn += not one.rectangle
            label, flaw = tidied(one.label)
            flaws += [flaw] if flaw else []
            flaws += ["a turned box became the upright one around it"] if one.turned else []
            boxes.append(NotedBox(corners, label))
        if lost:
            aside.append((each.name, _without_area(lost)))
        if boxes or not lost:
            flaw = "; ".join(dict.fromkeys(flaws))
            found[each.name] = NotedImage(tuple(boxes), each.size, flaw, each.split)
    said = f"boxes around {plural(drawn, 'outline')} among them" if drawn else ""
    return BoxNotes(found, files, said=said, set_aside=tuple(aside))


def outlined_masks(images: Sequence[OutlinedImage], tree: Tree) -> DrawnMasks:
    """Returns what was drawn as masks on background; classes are the labels, sorted.

    Args:
        images: With what is on them.
        tree: The images that there are, of which a file that names no sizes is silent.
    """
    labels = Counter(tidied(one.label)[0] for each in images for one in each.outlines)
    classes = sorted(set(labels) - _BACKGROUND - {""})
    index = {name: number for number, name in enumerate(("background", *classes))}
    index |= dict.fromkeys(_BACKGROUND, 0)
    sizes = _sizes(images, tree)
    masks, aside = {}, []
    for each in images:
        size = each.size if min(each.size) > 0 else sizes.get(each.name, (0, 0))
        shapes = [_shape(one, index) for one in each.outlines]
        lost = sum(shape is None for shape in shapes)
        if lost:
            aside.append((each.name, _without_area(lost)))
        if min(size) > 0 and (lost < len(shapes) or not shapes):
            masks[each.name] = ShapeMask(size, tuple(shape for shape in shapes if shape))
    return DrawnMasks(("background", *classes), masks, tuple(aside))


def _without_area(lost: int) -> str:
    return f"{plural(lost, 'shape')} without an area or a class (points or lines?)"


def _shape(one: Outline, index: dict[str, int]) -> Shape | None:
    at = index.get(tidied(one.label)[0])
    if at is None:
        return None
    if one.runs is not None:
        return Shape(at, runs=one.runs, box=one.box)
    ring = tuple(number for point in one.points for number in point)
    return Shape(at, rings=(ring,)) if len(ring) >= 6 else None


def _sizes(images: Sequence[OutlinedImage], tree: Tree) -> dict[str, tuple[int, int]]:
    """Returns the sizes of the images whose file does not say them."""
    silent = {each.name: "" for each in images if min(each.size) < 1}
    homes, _ = place_images(tree.names, silent) if silent else ({}, [])
    known, _ = image_sizes([tree.root / name for name in homes])
    return {
        name: (int(size[0]), int(size[1])) for name, size in zip(homes.values(), known, strict=True)
    }
