"""`open_dataset`: recognises what a path holds, or says why nothing fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from headstart.choices import MaskValues
from headstart.data.annotations.damaged_files import damaged_files
from headstart.data.classes.class_lists import with_lists
from headstart.data.classes.folders import open_folders
from headstart.data.dataset import Dataset
from headstart.data.files.packed_images import packed_images
from headstart.data.files.scan import Tree, scan
from headstart.data.labels import Classes
from headstart.data.masks.without_masks import without_masks
from headstart.data.places import open_places
from headstart.data.reading import say_reading
from headstart.data.splits.groups import class_level, group_by_folder, means_folder, one_to_one
from headstart.data.splits.stems import STEM, numbers_of_names, stem_groups, words_of_names
from headstart.data.tables.code_names import with_code_names
from headstart.data.tables.from_table import open_table, with_table_name
from headstart.data.tables.numbers import as_numbers, told_task
from headstart.data.tables.roles import NONE, Columns
from headstart.data.tables.sidecar import add_sidecar, find_sidecar
from headstart.data.tables.split_tables import (
    open_beside_folders,
    open_split_tables,
    tables_by_split,
    tables_in_splits,
)
from headstart.data.tables.tables import FILE_COLUMNS, TABLES, read_table
from headstart.data.tools.unread_formats import no_data, no_images, unread_format
from headstart.data.words import normal, plural, split_word, stem_and_number, uploaded_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["open_dataset"]

# Tasks whose train and test must have classes in common, or nothing can be tested.
_APART = frozenset({"classification", "auto"})
_PEOPLE = frozenset({"patient", "subject", "participant", "person", "case"})


def open_dataset(
    path: str | Path,
    *,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    image: str | None = None,
    task: str = "classification",
    annotations: str | Path | None = None,
    masks: MaskValues = "auto",
) -> Dataset:
    """Opens a data set: class folders, a table, images with boxes or masks, or images alone.

    Class folders may lie under train, val and test folders, and may have an
    ``attributes.csv`` in them or beside them. A folder of images without classes that holds
    one table naming them is read as that table. Nothing is decoded.

    Args:
        path: A folder, or a CSV, TSV or Parquet table.
        label: The column of class names (instead of the folders, where there are any), or
            `folder:N`: the Nth folder of each path.
        group: The column that says which images belong together (person, patient, video), or
            `folder:N`: the name of the Nth folder of each path, `folder`: of the last; ``"none"``
            for none, where a column is called so; ``"stem"`` for the stems of the file names.
        split: The column of train, val and test, or ``"none"``.
        image: The column of paths.
        annotations: Of images with boxes or masks, the file (of COCO, Label Studio, a table) or
            the folder of such files that is meant, where the data hold several.
        masks: How the values of masks are read: by looking, each as a class (``"classes"``), or 0
            against all others (``"binary"``).
        task: What is to be predicted: ``"regression"`` reads labels as numbers; of identities,
            train and test may be of others entirely; ``"auto"`` tells by the labels.

    Returns:
        The data set; its `reading` says how it was understood.

    Raises:
        DataError: Nothing is there, nothing fits, a column is missing, or something can be read
            in two ways; the message says what would do.
        OptionError: `group` names a level of folders that cannot be.
    """
    apart = task in _APART
    by_folder = means_folder(group)
    by_name = by_folder or group == STEM
    level = class_level(label)
    columns = Columns(None if level else label, None if by_name else group, split, image)
    given = Path(path).expanduser()
    where = None if annotations is None else Path(annotations).expanduser()
    dataset, left = open_places(given, columns, level, task=task, annotations=where, masks=masks)
    if dataset is not None:
        task = dataset.task
    else:
        dataset = _read(given, columns, same_classes=apart, level=level)
        if task != "regression":
            dataset = with_code_names(dataset, given if given.is_dir() else given.parent)
        if given.is_dir() and label is None:
            dataset = _with_unread(dataset, given, sure=task != "auto")
        if left:
            said = f"{dataset.reading['labels']}, not {left} (--task segmentation reads those)"
            dataset = dataclasses.replace(dataset, reading=dataset.reading | {"labels": said})
    if {".json", ".xml"} & set(dataset.others):
        damaged = damaged_files(dataset.root, [name for name, _ in dataset.set_aside])
        dataset = dataclasses.replace(dataset, set_aside=(*dataset.set_aside, *damaged))
    if split == NONE:
        dataset = dataset.without_splits()
    if group is not None and by_folder:
        dataset = group_by_folder(dataset, group, classes_apart=apart)
        reading = dataset.reading | {"groups": f"the folder that {group} says, as asked"}
        dataset = dataclasses.replace(dataset, reading=reading)
    if group == STEM:
        dataset = _by_stem(dataset)
    labels = dataset.labels
    if task == "auto" and isinstance(labels, Classes):
        task = told_task(dataset, label)
    if task == "regression" and labels.known.any():
        dataset = as_numbers(dataset, label or "number")
    dataset = dataclasses.replace(dataset, task=task)
    if group is not None and not by_name and group != NONE:
        _refuse_useless_groups(dataset, group)
    say_reading(dataset)
    return dataset


def _by_stem(dataset: Dataset) -> Dataset:
    stems = dataset.attributes.get(STEM)  # a column of that very name goes before
    stems = stem_groups(dataset, sure=False) if stems is None else stems
    reading = dataset.reading | {"groups": "the stems of the file names, as asked"}
    return dataclasses.replace(dataset, groups=stems, reading=reading)


def _refuse_useless_groups(dataset: Dataset, group: str) -> None:
    """Refuses groups that were asked for and that no split could keep whole.

    Raises:
        DataError: If there is one group only, or the groups are the classes.
    """
    groups = dataset.groups
    if groups is None or not dataset.labelled.any():
        return
    known = dataset.labelled & (groups != "")
    if known.all() and len(np.unique(groups)) == 1:
        raise DataError(
            f"--group {group}: all images are in one group ({groups[0]}), and nothing would be "
            f"left to test on; leave it out, or name the column that says who is on an image"
        )
    together = len(np.unique(groups[known])) < known.sum()
    if (
        together
        and dataset.task == "classification"
        and one_to_one(groups[known], dataset.labels.strata[known])
    ):
        raise DataError(
            f"--group {group} says no more than the class: each class would be in one group, and "
            f"no split could keep these whole and have every class on both sides; leave it out"
        )


def _read(path: Path, columns: Columns, *, same_classes: bool, level: int | None) -> Dataset:
    """Returns what a reader makes of a path, with every label a class."""
    if path.is_file():
        if path.suffix.lower() in TABLES:
            if level is not None:
                raise DataError(
                    f"--label folder:{level}: {path} is a table; name the column that holds the "
                    f"label, or give the folder of images"
                )
            return open_table(path, columns)
        raise DataError(no_data(path))
    if not path.is_dir():
        raise DataError(f"{path} is not there; give a folder of images or a table of their paths")
    tree = _images_below(path)
    # A table may well name files outside its folder, so it has its say before "no images".
    apart = [path / name for name in tree.others if _is_apart(name, tree)]
    dataset, doubt = None, None
    try:
        if tree.names or not _tables(path):
            dataset = open_folders(tree, same_classes=same_classes, level=level)
            if columns.split is None:
                dataset = with_lists(dataset, tree, apart=not same_classes)
    except DataError as error:  # folders that can be read in two ways; a table may know better
        if level is not None or not (_tables(path) or apart):
            raise
        doubt = error
    lone = dataset is not None and level is None and _is_lone(dataset)
    lone = lone or (dataset is not None and level is None and same_classes and _are_people(dataset))
    if dataset is None or dataset.source == "unlabelled" or lone:
        bare = {normal(name.rpartition("/")[2]).casefold() for name in tree.names}
        tables = [each for each in _tables(path) if not bare or _names_any(each, bare, columns)]
        inside = tables_in_splits(path) if bare and not tables else []
        inside = inside or ([] if tables else apart)
        tables += [each for each in inside if _names_any(each, bare, columns)]
        if parts := tables_by_split(tables):
            return open_split_tables(parts, columns)
        if len(tables) == 1 and not tree.names and packed_images(tree):
            raise DataError(no_images(tree))
        if len(tables) == 1:
            found = open_table(tables[0], columns)
            if doubt is not None and not found.labelled.any():
                raise doubt
            return with_table_name(found, tables[0].name)
        if doubt is not None:
            raise doubt
        if len(tables) > 1:
            some = some_of(table.name for table in tables)
            raise DataError(f"{path} holds several tables ({some}); give the path of the one meant")
        if dataset is not None and _tables(path):
            some = some_of(table.name for table in _tables(path))
            known = dataset.reading["labels"] if lone else "none"
            said = {"labels": f"{known} ({some} names none of the images)"}
            dataset = dataclasses.replace(dataset, reading=dataset.reading | said)
    assert dataset is not None
    if dataset.source == "folders" and not lone and level is None:
        parts = tables_by_split([each for each in _tables(path) if split_word(each.stem)])
        if (whole := open_beside_folders(parts, dataset, columns)) is not None:
            return whole
        dataset = _with_other_tables(dataset, path, columns)
    return add_sidecar(dataset, columns)


def _images_below(path: Path) -> Tree:
    """Returns what lies in a folder, without masks beside images."""
    tree, masks = without_masks(scan(path), beside=True)
    aside = (
        f"{plural(len(masks), 'mask')} beside images, such as {masks[0]}: no images"
        if masks
        else ""
    )
    return dataclasses.replace(tree, set_aside=(*tree.set_aside, (".", aside))) if masks else tree


def _is_apart(name: str, tree: Tree) -> bool:
    """Whether a file is a table that lies in a folder without images."""
    return name.lower().endswith(TABLES) and name.rpartition("/")[0] in tree.barren


def _with_other_tables(dataset: Dataset, path: Path, columns: Columns) -> Dataset:
    """Says which tables name images that lie in class folders, and are not read."""
    bare = {normal(name.rpartition("/")[2]).casefold() for name in dataset.names}
    own = find_sidecar(dataset.root)
    unread = [each for each in _tables(path) if own is None or each.resolve() != own.resolve()]
    unread = [each for each in unread if _names_any(each, bare, columns)]
    if not unread:
        return dataset
    what = "name images too, and are" if len(unread) > 1 else "names images too, and is"
    said = f"{some_of(each.name for each in unread)} {what} not read: give its path for a column"
    known = {"labels": f"{dataset.reading['labels']}; {said} of it"}
    return dataclasses.replace(dataset, reading=dataset.reading | known)


def _is_lone(dataset: Dataset) -> bool:
    """Whether all images lie in one folder, which is hardly what they are all of."""
    return dataset.source == "folders" and len(dataset.labels.kinds) == 1


def _are_people(dataset: Dataset) -> bool:
    """Whether all class folders are numbered people, of whom a table beside them knows more."""
    kinds = [stem_and_number(name) for name in dataset.labels.kinds]
    return dataset.source == "folders" and {each[0] if each else "" for each in kinds} <= _PEOPLE


def _with_unread(dataset: Dataset, path: Path, *, sure: bool) -> Dataset:
    """Says that annotations lie beside images which no reader takes.

    Args:
        dataset: What was read.
        path: The folder.
        sure: Whether it was said what is learnt.

    Raises:
        DataError: If they are of places in the images, and folders would be taken for classes.
    """
    unread = unread_format(scan(path))
    words, where = words_of_names(dataset.names) if dataset.source == "unlabelled" else ((), "")
    if (
        unread is None
        and dataset.source == "unlabelled"
        and (example := numbers_of_names(dataset.names))
    ):
        why = f"none (names hold numbers, such as {example}: write those to learn into a table)"
        return dataclasses.replace(dataset, reading=dataset.reading | {"labels": why})
    if unread is None and words:
        why = f"the names {where} with {some_of(words, 4)}: if these are classes, move each into a"
        said = dataset.reading | {"labels": f"none ({why} folder of its own)"}
        return dataclasses.replace(dataset, reading=said)
    if unread is None or (dataset.source == "table" and "--label" in dataset.reading["labels"]):
        return dataset
    labelled = dataset.labelled.any()
    if labelled and unread.places and not sure and dataset.source != "table":
        raise DataError(
            f"{path}: {unread.line}. If the folders of the images are classes, say --task "
            f"classification"
        )
    if not labelled or _is_lone(dataset):
        known = dataset.reading["labels"] if labelled else "none"
        said = dataset.reading | {"labels": f"{known} ({unread.line})"}
        return dataclasses.replace(dataset, reading=said)
    return dataset


def _tables(folder: Path) -> list[Path]:
    """Returns the tables of a folder, but for those of images to be predicted."""
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in TABLES and p.name[0] != ".")
    found = [p for p in found if "submission" not in p.stem.lower()] or found
    asked = [p for p in found if split_word(p.stem) in ("test", "pred")]
    if not asked or len(asked) == len(found):
        return found
    told = {p: _columns_of(p) for p in found}
    return [p for p in found if p not in asked or not any(told[p] < each for each in told.values())]


def _columns_of(path: Path) -> set[str]:
    try:
        return set(read_table(path).columns)
    except DataError:  # its own reader says why, where it is the one meant
        return {path.name}


def _names_any(table: Path, bare: set[str], columns: Columns) -> bool:
    """Whether a table names any of the files, judged by the last part of their paths."""
    try:
        content = read_table(table)
        asked = columns.image or content.guess(FILE_COLUMNS)
        cells = {name: content.column(name) for name in ([asked] if asked else content.columns)}
    except DataError:
        return False
    known = bare | {name.rpartition(".")[0] for name in bare}
    for column in cells.values():
        named = {cell.replace("\\", "/").rpartition("/")[2].casefold() for cell in column} - {""}
        named |= {other for cell in named for other in (uploaded_name(cell), unquote(cell))} & known
        # Where no column is called like one of files, a number may be one by chance.
        if len(named & known) >= (1 if asked else max(2, len(named) // 2 + 1)):
            return True
    return False
