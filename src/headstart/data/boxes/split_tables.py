"""Several tables of boxes, of which each is a split, read as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headstart.data.annotations.box_notes import BoxNotes, NotedImage
from headstart.data.annotations.place_images import stem_of
from headstart.data.boxes.table import boxes_in, read_box_table
from headstart.data.files.scan import Tree
from headstart.data.masks.table import names_masks_of_things
from headstart.data.splits.table_names import split_tables
from headstart.data.tables.roles import Columns
from headstart.data.tables.tables import TABLES
from headstart.data.words import plural, split_word
from headstart.errors import DataError
from headstart.lists import short_names, some_of

__all__ = ["read_box_tables", "tables_of_boxes"]

_TABLES = frozenset({"annotations", "annotation", "labels", "label", "csv", "boxes", "bboxes"})


def tables_of_boxes(tree: Tree, *, sure: bool, told: bool) -> list[Path]:
    """Returns the tables of boxes beside images, or in a folder that is called so.

    Args:
        tree: The images and the files.
        sure: Whether it was said that there are boxes.
        told: Whether it was said that they are among these files, so that no place is odd.
    """
    names = [name for name in tree.others if name.lower().endswith(TABLES)]
    near = [
        name for name in names
        if told or "/" not in name
        or (name.count("/") == 1 and _is_table_home(name.partition("/")[0]))
    ]  # fmt: skip
    if not sure:  # what is beside class folders tells of the images, and may hold boxes too
        near = [name for name in near if stem_of(name).lower() not in ("attributes", "metadata")]
    paths = [tree.root / name for name in near]
    if not sure:  # of each thing a box and a mask: these say more
        paths = [path for path in paths if not names_masks_of_things(path)]
    return [path for path in paths if boxes_in(path, sure=sure)]


def _is_table_home(folder: str) -> bool:
    return folder.lower() in _TABLES or split_word(folder) is not None


def read_box_tables(tables: list[Path], tree: Tree, columns: Columns) -> BoxNotes:
    """Reads one table, or one for each split; one of all of them beside these says no more.

    Raises:
        DataError: If one cannot be read, or they hold boxes in different ways.
    """
    parts = split_tables(tables) if len(tables) > 1 else {"": tables[0]}
    images: dict[str, NotedImage] = {}
    aside: list[tuple[str, str]] = []
    notes = []
    for split, path in parts.items():
        one = read_box_table(path, tree, columns)
        notes.append(one)
        for name, each in one.images.items():
            if name in images:
                aside.append((name, f"in {path.name} too; not used from there"))
            else:
                images[name] = replace(each, split=split or each.split)
    for path in sorted(set(tables) - set(parts.values())):
        more = set(read_box_table(path, tree, columns).images) - set(images)
        why = f"not used: {plural(len(more), 'image')} of it are in no table of a split"
        aside.append((path.name, why if more else "not used: the tables of the splits say it all"))
    files = some_of([each.files for each in notes], 3)
    if len(set(parts.values())) > len({path.name for path in parts.values()}):
        files = f"{some_of(short_names(list(parts.values())), 3)}: {files}"
    if len({(each.relative, each.said) for each in notes}) > 1:
        raise DataError(
            f"the tables {some_of([p.name for p in parts.values()], 3)} hold their boxes in "
            f"different ways ({some_of([each.said for each in notes], 3)}): write them in one"
        )
    splits = "by the names of the tables" if len(parts) > 1 else notes[0].splits
    more_aside = tuple(each for one in notes for each in one.set_aside)
    return replace(notes[0], images=images, files=files, splits=splits,
                   set_aside=(*more_aside, *aside))  # fmt: skip
