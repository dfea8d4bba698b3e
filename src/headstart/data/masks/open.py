"""`open_masks`: images with a mask each, however they are kept, as a data set for segmentation."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from headstart.choices import MaskValues
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree, scan
from headstart.data.masks.beside import pairs_below
from headstart.data.masks.channels import refuse_channels
from headstart.data.masks.drawn import Drawings, drawings_below, from_drawings, read_drawings
from headstart.data.masks.folders import are_class_folders, demand_pairs, from_pairs
from headstart.data.masks.pairs import MaskPairs, pair_masks
from headstart.data.masks.run_table import holds_runs, read_runs, run_tables
from headstart.data.masks.table import holds_masks, names_masks_of_things, open_mask_table
from headstart.data.reading import NothingDrawn
from headstart.data.tables.roles import Columns
from headstart.data.tables.tables import TABLES
from headstart.data.tools.tool_files import tool_of
from headstart.data.tools.unread_formats import no_images, unread_format
from headstart.data.tools.yolo import joined_trees
from headstart.data.tools.yolo_masks import outline_files, read_outlines
from headstart.data.words import plural
from headstart.errors import DataError

__all__ = ["MaskOptions", "open_masks"]

MaskOptions = tuple[Path | None, MaskValues]
"""Where the annotations are, if it was said, and how the values of masks are read."""


def open_masks(
    path: Path,
    columns: Columns,
    level: int | None = None,
    *,
    told: MaskOptions = (None, "auto"),
    sure: bool = True,
) -> tuple[Dataset | None, str]:
    """Reads images with masks.

    Args:
        path: A folder, a table, or a file of COCO.
        columns: Those that were asked for; a label says what the masks of an image show.
        level: Which folder of each path says that, from 1.
        told: Where annotations are, and how values are read.
        sure: Whether it was said that there are masks.

    Returns:
        The data set, None where nothing looks like masks and nobody said that there are some; and
        what was left alone then, for people.

    Raises:
        DataError: If masks can be read in two ways, or not at all.
    """
    annotations, how = told
    if annotations is not None:
        return _told(path, annotations, columns, level, how), ""
    if path.is_file():
        if path.suffix.lower() == ".json" or tool_of(path):
            beside = scan(path.parent)
            return from_drawings(beside, read_drawings([path], beside), columns), ""
        if path.suffix.lower() in TABLES and holds_runs(path):
            return _of_runs(scan(path.parent), path, columns), ""
        if path.suffix.lower() in TABLES and (sure or holds_masks(path, columns)):
            return open_mask_table(path, columns, how=how), ""
        return None, ""
    if not path.is_dir():
        return None, ""
    tree = scan(path)
    _refuse_layouts(tree)
    tables = [each for each in sorted(path.iterdir()) if each.suffix.lower() in TABLES]
    if len(of_things := [each for each in tables if names_masks_of_things(each)]) == 1:
        return open_mask_table(of_things[0], columns, how=how), ""
    pairs, drawings = pairs_below(tree), drawings_below(tree)
    paired = pairs is not None and bool(any(pairs.masks) or pairs.several)
    texts = outline_files(tree) if sure and not drawings else []
    if sure and paired and (drawings or texts):
        other = drawings[0].name if drawings else texts[0]
        raise DataError(
            f"{path} holds masks ({pairs.files if pairs else ''}) and {other}: say "
            f"which is meant with --annotations FILE or FOLDER"
        )
    if not sure and (paired or drawings) and are_class_folders(tree, pairs):
        return None, pairs.files.rpartition("; ")[2] if pairs else drawings[0].name
    if drawings:
        return from_drawings(tree, read_drawings(drawings, tree), columns), ""
    if texts:
        return _of_texts(tree, texts, columns), ""
    if pairs is not None and (sure or paired):
        demand_pairs(tree, pairs)
        return from_pairs(tree, pairs, columns, level, how=how), ""
    if runs := run_tables(path):
        if len(runs) > 1:
            raise DataError(_none(path, tree, runs))
        return _of_runs(tree, runs[0], columns), ""
    tables = [each for each in tables if holds_masks(each, columns)] if sure else []
    if len(tables) == 1:
        return open_mask_table(tables[0], columns, how=how), ""
    if sure:
        raise NothingDrawn(_none(path, tree, tables))
    return None, ""


def _refuse_layouts(tree: Tree) -> None:
    """Refuses what lies as images with masks do, and is something else.

    Raises:
        DataError: If it is ADE20K as it was annotated, or a file for each channel of an image.
    """
    if any(name.endswith("_parts_1.png") for name in tree.names):
        raise DataError(
            f"{tree.root} holds ADE20K as it was annotated: its _seg.png number classes and things "
            f"in their channels, and its _parts are no images. Give its release for scene parsing "
            f"(images/ and annotations/)"
        )
    refuse_channels(tree)


def _told(
    path: Path, annotations: Path, columns: Columns, level: int | None, how: MaskValues
) -> Dataset:
    """Reads annotations that were named: a file of COCO, a table, or a folder of masks or JSON."""
    if not annotations.exists():
        tree = scan(path)
        called = [n for n in tree.names if annotations.name in n.split("/")[:-1]]
        called = called or [n for n in tree.names if _ends_so(n, annotations.name)]
        if annotations.name != str(annotations) or not called:
            raise DataError(f"--annotations {annotations}: there is no such file or folder")
        pairs = pair_masks(tree.names, called) or MaskPairs((), (), (), (), tuple(called))
        pairs = replace(pairs, files=f"masks by {annotations} in their paths, as asked")
        demand_pairs(tree, pairs)
        return from_pairs(tree, pairs, columns, level, how=how)
    if annotations.is_file():
        ending = annotations.suffix.lower()
        if ending == ".json" or tool_of(annotations):
            tree = scan(path)
            return from_drawings(tree, read_drawings([annotations], tree), columns)
        if ending in TABLES and holds_runs(annotations):
            return _of_runs(scan(path), annotations, columns)
        if ending in TABLES:
            return open_mask_table(annotations, columns, how=how)
        raise DataError(
            f"--annotations {annotations}: a file of COCO (.json), a table ({', '.join(TABLES)}) "
            f"or a folder of masks"
        )
    inside = scan(annotations)
    if inside.names:
        tree = scan(path)
        pairs = _under(tree, inside, path, annotations)
        demand_pairs(tree, pairs)
        return from_pairs(tree, pairs, columns, level, how=how)
    files = [annotations / name for name in inside.others if name.lower().endswith(".json")]
    if files:
        return from_drawings(scan(path), read_drawings(files, scan(path)), columns)
    tree = joined_trees(inside, scan(path))
    if texts := outline_files(tree):
        return _of_texts(tree, texts, columns)
    raise DataError(
        f"--annotations {annotations}: it holds neither masks nor JSON files nor YOLO's outlines"
    )


def _ends_so(name: str, ending: str) -> bool:
    """Whether a file is one of those that end so: ``_labelIds`` or ``_labelIds.png``."""
    return ending[0] == "_" and ending in (
        name[-len(ending) :],
        name.rpartition(".")[0][-len(ending) :],
    )


def _of_runs(tree: Tree, table: Path, columns: Columns) -> Dataset:
    """Reads a table of run lengths."""
    drawn, said = read_runs(table, tree)
    return from_drawings(tree, Drawings(drawn, f"{table.name} ({said})"), columns)


def _of_texts(tree: Tree, texts: list[str], columns: Columns) -> Dataset:
    """Reads outlines of YOLO."""
    files = f"{plural(len(texts), 'text file')} of outlines (YOLO)"
    return from_drawings(tree, Drawings(read_outlines(tree, texts), files), columns)


def _under(tree: Tree, inside: Tree, path: Path, annotations: Path) -> MaskPairs:
    """Pairs the images of a folder with the masks of another, wherever that lies."""
    place = os.path.relpath(annotations.resolve(), path.resolve()).replace(os.sep, "/")
    start = "" if place == "." else place + "/"
    found = pair_masks(tree.names, [start + name for name in inside.names])
    if found is None:
        return MaskPairs((), (), (), (), inside.names)
    return replace(found, files=f"masks in {annotations}, as asked")


def _none(path: Path, tree: Tree, tables: list[Path]) -> str:
    if len(tables) > 1:
        names = ", ".join(each.name for each in tables)
        return f"{path} holds several tables of masks ({names}); give the path of the one meant"
    if not tree.names:
        return no_images(tree)
    unread = unread_format(tree)
    if unread and not unread.seen:
        return f"{path}: {unread.line}"
    seen = f". {unread.seen}" if unread else ""
    return (
        f"{path} holds no masks: give images/ and masks/ with files of the same names, endings "
        f"such as x_mask.png beside x.jpg, a file of COCO, those of Labelme, CVAT or VIA, YOLO's "
        f"outlines, or a table with the columns image and mask, or with run lengths; or say where "
        f"they are with --annotations{seen}"
    )
