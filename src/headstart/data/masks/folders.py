"""Folders of images and folders of masks, as a data set."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from headstart.choices import MaskValues
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.labels import Classes
from headstart.data.masks.folder_words import is_mask_folder, split_folder
from headstart.data.masks.mask_labels import mask_labels
from headstart.data.masks.pairs import MaskPairs, is_called_mask
from headstart.data.masks.parts import Annotated
from headstart.data.masks.splits import listed_splits, with_splits
from headstart.data.tables.roles import NONE, Columns
from headstart.data.tables.sidecar import add_sidecar
from headstart.data.words import normal, plural, split_name, split_word
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["are_class_folders", "demand_pairs", "from_pairs"]


def are_class_folders(tree: Tree, pairs: MaskPairs | None) -> bool:
    """Tells whether images lie in one folder per class, so that they may well be classified.

    Raises:
        DataError: If they do, and masks lie beside them in the same folders.
    """
    if pairs is None:
        return False
    homes = {name.rpartition("/")[0] for name in pairs.images}
    inner = {home.rpartition("/")[2] for home in homes if home}
    inner = {each for each in inner if not (split_folder(each) or split_word(each))}
    paired = [(i, m[0]) for i, m in zip(pairs.images, pairs.masks, strict=True) if m]
    beside = sum(i.rpartition("/")[0] == m.rpartition("/")[0] for i, m in paired)
    several = len(inner) > 1
    if several and beside and 2 * beside >= len(paired):
        raise DataError(
            f"{tree.root} holds one folder for each of {some_of(sorted(inner), 4)}, and masks in "
            f"them ({paired[0][1]}): say --task segmentation to learn the masks, or --task "
            f"classification to learn the folders without them"
        )
    ended = [is_called_mask(mask) for _, mask in paired if _home(mask)]
    if ended and all(ended):  # the folders say that these are masks, and so do the files
        return False
    tops = {home.partition("/")[2] for home in homes}
    return several and len(tops) > 1 and all(home.count("/") >= 1 for home in homes)


def demand_pairs(tree: Tree, pairs: MaskPairs) -> None:
    """Refuses masks of which most belong to no image, as far as names tell.

    Raises:
        DataError: If that is so.
    """
    homes = Counter(_home(mask) for masks in pairs.masks for mask in masks)
    lost = Counter(_home(name) for name in pairs.lost)
    several = Counter(_home(mask) for masks in pairs.several.values() for mask in masks)
    found, total = homes.total(), homes.total() + lost.total() + len(pairs.several)
    # A folder of its own, of as many masks as images, is another reading and no mishap.
    rivals = [home for home, count in lost.items() if home not in homes and 2 * count >= found > 0]
    rivals = [*homes, *rivals] if rivals else list(several) if len(pairs.several) > found else []
    mixed = [parts for parts in pairs.parts if "" in parts and any(parts)]
    if 2 * len(mixed) > sum(map(bool, pairs.masks)):  # a part, and a mask of all, of one image
        rivals = list(homes)
    if len(rivals) > 1 and any(rivals):
        raise DataError(
            f"several folders of {tree.root} could hold the masks "
            f"({some_of(sorted(f'{home}/' for home in rivals), 4)}): say which with --annotations "
            f"FOLDER"
        )
    if len(pairs.several) > found:  # of several kinds, in one folder
        image, masks = min(pairs.several.items())
        ending = f"_{masks[0].rpartition('.')[0].rpartition('_')[2]}"
        raise DataError(
            f"{tree.root} holds several masks of one image ({some_of(masks, 3)}, of {image}): say "
            f"which kind with --annotations and its ending, such as --annotations {ending}"
        )
    if found + len(pairs.several) >= lost.total() and total > lost.total():
        return
    example = pairs.images[0] if pairs.images else "none"
    raise DataError(
        f"{lost.total():,} of {plural(total, 'mask')} of {tree.root} have the name of no image "
        f"(such as {pairs.lost[0]}; images such as {example}): name them alike, or give a table "
        f"with the columns image and mask"
    )


def _home(name: str) -> str:
    """Returns the folder of a mask without what splits and classes in it are called."""
    folders = name.split("/")[:-1]
    while len(folders) > 1 and not is_mask_folder(folders[-1]):
        folders.pop()
    return "/".join(each for each in folders if not split_name(each))


def from_pairs(
    tree: Tree,
    pairs: MaskPairs,
    columns: Columns,
    level: int | None = None,
    *,
    how: MaskValues = "auto",
) -> Dataset:
    """Makes the data set of images and masks that were paired.

    Args:
        tree: What `scan` found.
        pairs: Which mask belongs to which image.
        columns: Those that were asked for. Without masks of several values, the label says what
            the masks of each image show.
        level: Which folder of each path says that instead.
        how: How the values of masks are read.

    Raises:
        DataError: If something that was asked for is not there, or two readings fit.
    """
    pairs, unlisted, said = listed_splits(tree, pairs)
    bare = Dataset(
        tree.root, pairs.images, Classes((), np.full(len(pairs.images), -1)),
        np.array(pairs.splits, "U5"), others=tree.endings, task="segmentation",
        reading={"files": pairs.files, "splits": said},
        guessed=frozenset({"files"} if pairs.guessed else ()),
    )  # fmt: skip
    asked = replace(columns, label=None) if columns.label in (None, NONE) else columns
    known = add_sidecar(bare, asked)
    shown, origin = _shown(known, asked.label, level)
    found = []
    for row, (masks, parts) in enumerate(zip(pairs.masks, pairs.parts, strict=True)):
        parts = (shown[row],) * len(masks) if shown is not None else parts
        found.append(Annotated(tuple(tree.root / mask for mask in masks), parts))
    learnt = mask_labels(found, root=tree.root, how=how, origin=origin)
    if shown is None and columns.label != NONE:
        _refuse_unasked(tree, pairs, learnt.binary, learnt.named)
    aside = [*tree.set_aside, *unlisted, *known.set_aside, *_doubtful(pairs)]
    aside += [(name, "a mask without an image of its name") for name in pairs.lost]
    dataset = replace(
        known,
        labels=learnt.masks,
        set_aside=tuple(sorted({*aside, *learnt.set_aside})),
        reading=known.reading | {"labels": learnt.reading},
    )
    return with_splits(dataset)


def _doubtful(pairs: MaskPairs) -> list[tuple[str, str]]:
    return [
        (image, f"several masks have its name ({some_of(masks, 3)}); none was taken")
        for image, masks in pairs.several.items()
    ]


def _shown(dataset: Dataset, label: str | None, level: int | None) -> tuple[list[str] | None, str]:
    """Returns what the mask of each item shows, where it was asked for, and who says so."""
    if level is not None:
        parts = [name.split("/")[:-1] for name in dataset.names]
        found = [normal(each[level - 1]) if len(each) >= level else "" for each in parts]
        if not any(found):
            raise DataError(
                f"--label folder:{level}: no image below {dataset.root} lies {level} folders deep"
            )
        return found, f"folder {level} of each path, as asked"
    if label is None:
        return None, ""
    assert isinstance(dataset.labels, Classes), "a column of classes"
    cells = [dataset.labels.text(row) for row in range(len(dataset))]
    return cells, f"column {label}, as asked"


def _refuse_unasked(tree: Tree, pairs: MaskPairs, binary: bool, named: bool) -> None:
    """Refuses 0 and 255 in one folder per class, where nobody says whether these are classes.

    Raises:
        DataError: If that is so.
    """
    rows = [row for row, masks in enumerate(pairs.masks) if masks]
    folders = [pairs.images[row].split("/")[:-1] for row in rows]
    if not binary or named or any(part for row in rows for part in pairs.parts[row]):
        return
    for level in range(1, 1 + min((len(each) for each in folders), default=0)):
        names = {each[level - 1] for each in folders}
        same = all(
            each[level - 1] in pairs.masks[row][0].split("/")[:-1]
            for row, each in zip(rows, folders, strict=True)
        )
        beside = all(
            pairs.masks[row][0].rpartition("/")[0] != "/".join(each)
            for row, each in zip(rows, folders, strict=True)
        )
        plain = not any(split_name(name) or re.fullmatch(r".*\d", name) for name in names)
        if len(names) > 1 and same and beside and plain:
            raise DataError(
                f"the masks of {tree.root} have two values, in folders that could say what they "
                f"show ({some_of(sorted(names), 4)}): say --label folder:{level} if these are the "
                f"classes, or --label none if all of them show the same"
            )
