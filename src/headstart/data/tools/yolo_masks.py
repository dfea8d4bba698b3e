"""Outlines of YOLO: a text file for each image, a line for each object, as masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headstart.data.annotations.place_images import pair_by_stem
from headstart.data.annotations.shapes import Shape, ShapeMask
from headstart.data.files.image_sizes import image_sizes
from headstart.data.files.scan import Tree
from headstart.data.tools.coco import DrawnMasks
from headstart.data.tools.yolo import yolo_files, yolo_rows
from headstart.data.tools.yolo_names import yolo_names
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["outline_files", "read_outlines"]

_SLACK = 1.5  # beyond this a number is no share of an image, but pixels
_LOOKED_AT = 200


def outline_files(tree: Tree) -> list[str]:
    """Returns the text files of a folder that hold outlines as YOLO's do; none where most do not.

    A line with four numbers beside its class is a box and no outline.
    """
    files = yolo_files(tree)
    some = files[:: max(1, len(files) // _LOOKED_AT)]
    rows = [row for name in some for row in yolo_rows(tree.root / name) or ()]
    outlines = sum(_is_outline(row) for row in rows)
    return files if rows and 2 * outlines > len(rows) else []


def _is_outline(row: Sequence[float]) -> bool:
    return len(row) >= 7 and len(row) % 2 == 1


def read_outlines(tree: Tree, files: Sequence[str]) -> DrawnMasks:
    """Reads text files of YOLO: class, then x and y of each corner as shares of the image.

    Classes come after background, in the order of their numbers. An empty file says that nothing
    is on its image; an image with a box among its outlines is not annotated, because what of the
    box is the object nobody says.

    Args:
        tree: The images, and the files beside them.
        files: Paths of text files below the same folder.

    Raises:
        DataError: If a class has no name, or the numbers are pixels.
    """
    named = yolo_names(tree)
    homes, aside = pair_by_stem(tree.names, files)
    read = {name: yolo_rows(tree.root / name) for name in homes}
    used = sorted({int(row[0]) for rows in read.values() for row in rows or ()})
    lost = [number for number in used if named.names and number not in named.names]
    if lost:
        raise DataError(
            f"the text files of {tree.root} have the class {lost[0]}, and {named.said} has "
            f"{plural(len(named.names), 'name')} ({some_of(named.names.values(), 4)}): add its name"
        )
    called = named.names or {number: str(number) for number in used}
    again = [name for name, count in Counter(called.values()).items() if count > 1]
    if again:
        raise DataError(f"{named.file} of {tree.root} calls two classes {again[0]}: mend it")
    index = {number: place for place, number in enumerate(sorted(called), 1)}
    sizes, _ = image_sizes([tree.root / homes[name] for name in homes])
    masks = {}
    for name, (width, height) in zip(homes, sizes.tolist(), strict=True):
        rows = read[name]
        if rows is None or not all(_is_outline(row) for row in rows):
            aside.append((name, "a line is no class with an outline of three corners or more"))
        elif not width or not height:
            aside.append((name, "its image cannot be read"))
        else:
            _refuse_pixels(tree, name, rows)
            shapes = (_shape(row, index[int(row[0])], width, height) for row in rows)
            masks[homes[name]] = ShapeMask((width, height), tuple(shapes))
    names = ("background", *(called[number] for number in sorted(called)))
    return DrawnMasks(names, masks, tuple(aside))


def _shape(row: Sequence[float], index: int, width: int, height: int) -> Shape:
    ring = [share * side for share, side in zip(row[1:], (width, height) * (len(row) // 2))]
    return Shape(index, rings=(tuple(ring),))


def _refuse_pixels(tree: Tree, name: str, rows: Sequence[Sequence[float]]) -> None:
    """Refuses numbers that are pixels.

    Raises:
        DataError: If a line has any.
    """
    big = [row for row in rows if max(row[1:]) > _SLACK]
    if big:
        raise DataError(
            f"{name} of {tree.root} has numbers above 1 ({max(big[0][1:]):g}): YOLO's outlines are "
            f"shares of the image; divide x by its width and y by its height"
        )
