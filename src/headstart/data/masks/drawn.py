"""Masks that files draw (COCO, Labelme, CVAT, VIA), as a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from headstart.data.annotations.json_file import json_of
from headstart.data.annotations.place_images import place_images, stem_of
from headstart.data.annotations.shapes import ShapeMask
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.labels import Classes
from headstart.data.masks.counts import in_threads
from headstart.data.masks.masks import IGNORED, Masks
from headstart.data.masks.name_classes import drawing_colours
from headstart.data.masks.pairs import split_by_folders
from headstart.data.masks.splits import with_splits
from headstart.data.tables.roles import NONE, Columns
from headstart.data.tables.sidecar import add_sidecar
from headstart.data.tools.coco import DrawnMasks, is_coco, read_coco
from headstart.data.tools.labelme import is_labelme, read_labelme
from headstart.data.tools.outlines import all_boxes, outlined_masks
from headstart.data.tools.tool_files import read_tool_file, tool_files, tool_of
from headstart.data.words import normal, plural, split_word
from headstart.errors import DataError
from headstart.lists import short_names, some_of

__all__ = ["Drawings", "drawings_below", "from_drawings", "read_drawings"]

_LOOKED_AT = 40  # JSON files without an image of their name


@dataclass(frozen=True)
class Drawings:
    """What JSON files draw.

    Attributes:
        drawn: Classes, and masks by the names of images.
        files: Which files they are, for people.
        splits: Name of an image -> the split that the name of its file says.
    """

    drawn: DrawnMasks
    files: str
    splits: dict[str, str] = field(default_factory=dict)


def drawings_below(tree: Tree) -> list[Path]:
    """Returns the JSON files of a folder that draw masks: those of Labelme, or those of COCO."""
    files = [name for name in tree.others if name.lower().endswith(".json")]
    stems = {stem_of(name) for name in tree.names}
    own = [name for name in files if stem_of(name) in stems]
    shaped = [path for name in own if _holds(path := tree.root / name, b'"shapes"')]
    if shaped and is_labelme(json_of(shaped[0])):
        return shaped
    rest = [tree.root / name for name in files if name not in set(own)][:_LOOKED_AT]
    tools = [path for path in tool_files(tree) if not all_boxes(read_tool_file(path))]
    return tools or [
        path
        for path in rest
        if _holds(path, b'"annotations"', b'"segmentation"', b'"images"') and is_coco(json_of(path))
    ]


def _holds(path: Path, *words: bytes) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return all(word in content for word in words)


def read_drawings(paths: Sequence[Path], tree: Tree | None = None) -> Drawings:
    """Reads files of COCO, of Labelme, of CVAT or of VIA.

    Args:
        paths: Files of one of these.
        tree: The images, whose names files of Labelme have, and whose sizes those of VIA do not.

    Raises:
        DataError: If they are neither, damaged, or several of COCO that no split tells apart.
    """
    if tool_of(paths[0]):
        return _of_tool(paths, tree)
    if is_labelme(json_of(paths[0])):
        named = {
            normal(os.path.splitext(name)[0].rpartition("/")[2]): name
            for name in (tree.names if tree else ())
        }
        files = []
        for path in paths:
            content = json_of(path)
            told = str(content.get("imagePath") or "") if isinstance(content, dict) else ""
            files.append((named.get(normal(path.stem)) or os.path.basename(told), path))
        drawn = read_labelme(files)
        aside = _unread_beside(paths, tree) if tree else []
        drawn = replace(drawn, set_aside=(*drawn.set_aside, *aside))
        return Drawings(drawn, f"{plural(len(paths), 'file')} of Labelme")
    drawn = read_coco(paths)
    words = {path: split_word(path.stem) or split_word(path.parent.name) for path in paths}
    names = some_of(short_names(paths), 3)
    if len(paths) > 1 and (None in words.values() or len(set(words.values())) < len(paths)):
        raise DataError(
            f"several files draw masks ({names}): say which is meant with --annotations FILE"
        )
    splits: dict[str, str] = {}
    if len(paths) > 1:
        for path in paths:
            listed = json_of(path)["images"]
            splits |= {str(image.get("file_name")): words[path] or "" for image in listed}
    return Drawings(drawn, f"{names} (COCO)", splits)


def _unread_beside(paths: Sequence[Path], tree: Tree) -> list[tuple[str, str]]:
    """Returns files that are called like images and say nothing, as an empty one does."""
    stems, read = {stem_of(name) for name in tree.names}, set(paths)
    return [
        (name, "no readable file of Labelme, as those beside it are")
        for name in tree.others
        if name.lower().endswith(".json")
        and stem_of(name) in stems
        and tree.root / name not in read
    ]


def _of_tool(paths: Sequence[Path], tree: Tree | None) -> Drawings:
    if len(paths) > 1:
        names = some_of([path.name for path in paths], 3)
        raise DataError(
            f"several files draw masks ({names}): say which is meant with --annotations FILE"
        )
    images = read_tool_file(paths[0])
    splits = {each.name: each.split for each in images if each.split}
    drawn = outlined_masks(images, tree or Tree(paths[0].parent, ()))
    return Drawings(drawn, f"{paths[0].name} ({tool_of(paths[0])})", splits)


def from_drawings(tree: Tree, drawings: Drawings, columns: Columns) -> Dataset:
    """Makes the data set of images and drawings; images that no file lists are not annotated.

    Raises:
        DataError: If fewer than half of the images that are listed are there.
    """
    drawn = drawings.drawn
    if not any(mask.shapes for mask in drawn.masks.values()):
        raise DataError(_nothing(tree, drawings))
    listed = {name: drawings.splits.get(name, "") for name in drawn.masks}
    homes, aside = place_images(tree.names, listed)
    if 2 * len(homes) < len(drawn.masks) or not homes:
        some = some_of(sorted(set(drawn.masks) - set(homes.values())), 3)
        raise DataError(
            f"{drawings.files} is about {plural(len(drawn.masks), 'image')}, and only "
            f"{len(homes)} of them are below {tree.root} (not there: {some}): give the folder that "
            f"their paths are relative to"
        )
    masks = [drawn.masks[homes[name]] if name in homes else None for name in tree.names]
    labels, absent = _labels(drawn.names, masks)
    given = [drawings.splits.get(homes.get(name, ""), "") for name in tree.names]
    splits = np.array(given if any(given) else split_by_folders(tree.names), "U5")
    said = ", ".join(f"{i} {name}" for i, name in enumerate(labels.names))
    unused = f"; never drawn: {some_of(absent, 6)}" if absent else ""
    bare = Dataset(
        tree.root, tree.names, Classes((), np.full(len(tree.names), -1)), splits,
        set_aside=tuple(sorted({*tree.set_aside, *aside, *drawn.set_aside})), task="segmentation",
        reading={
            "files": f"drawn by {drawings.files}",
            "splits": "by the names of the files" if any(given) else "by folders",
        },
        others=tree.endings,
    )  # fmt: skip
    asked = replace(columns, label=None)
    if columns.label not in (None, NONE):
        raise DataError(f"--label {columns.label}: {drawings.files} says itself what is drawn")
    known = add_sidecar(bare, asked)
    reading = f"masks of {int(labels.known.sum()):,}: {said}{unused}"
    return with_splits(replace(known, labels=labels, reading=known.reading | {"labels": reading}))


def _nothing(tree: Tree, drawings: Drawings) -> str:
    """Returns what to say of files that draw nothing on any image."""
    aside = drawings.drawn.set_aside
    why = f" ({aside[0][0]}: {aside[0][1]})" if aside else ""
    return (
        f"{drawings.files} of {tree.root} draws no area on any image{why}: masks are made of "
        f"outlines. For flags and tags of whole images, write a table with the columns path,label"
    )


def _labels(names: tuple[str, ...], masks: Sequence[ShapeMask | None]) -> tuple[Masks, list[str]]:
    """Returns the masks with the classes that are drawn anywhere, and the names of the others."""

    def count(mask: ShapeMask | None) -> np.ndarray:
        if mask is None:
            return np.zeros(256, np.int64)
        return np.bincount(mask.read().ravel(), minlength=256)

    if len(names) > IGNORED:
        raise DataError(f"{len(names):,} classes are too many: at most {IGNORED} can be told apart")
    counts = np.stack(in_threads(count, list(masks)))
    there = np.asarray((counts[:, : len(names)] > 0).any(axis=0), bool).reshape(-1)
    there[0] = True
    new = np.where(there, np.cumsum(there) - 1, IGNORED)
    move = dict(enumerate(new.tolist())) | {IGNORED: IGNORED}
    kept = tuple(
        mask and replace(mask, shapes=tuple(replace(s, index=move[s.index]) for s in mask.shapes))
        for mask in masks
    )
    sizes = np.array([mask.size if mask else (0, 0) for mask in masks], np.int64).reshape(-1, 2)
    called = [name for name, used in zip(names, there, strict=True) if used]
    absent = [name for name, used in zip(names, there, strict=True) if not used]
    pixels = counts[:, : len(names)][:, there]
    return Masks(tuple(called), kept, pixels, sizes, drawing_colours(len(called))), absent
