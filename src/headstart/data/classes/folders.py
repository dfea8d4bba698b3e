"""Folders of images: one folder per class, perhaps under train, val and test; or no classes."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.files.few_colours import few_colours
from headstart.data.files.scan import EXTENSIONS, Tree
from headstart.data.labels import Classes, class_labels
from headstart.data.splits.layout import (
    SplitFolder,
    numbered_parts,
    split_folders,
    splits_inside_classes,
)
from headstart.data.tools.unread_formats import no_images, unread_format
from headstart.data.words import MASKS, normal, plural, split_name, split_word
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["open_folders"]

_IMAGES = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "data", "classes"}
)
_IMAGE_WORD = re.compile(r"(^|[ _.-])(images?|imgs?|jpegimages|photos?|pictures?|rgb)$", re.I)
_UNLABELLED = re.compile(
    r"(un[ _-]?label+ed|un[ _-]?annotated|no[ _-]?labels?|without[ _-]labels?|to[ _-]?(be[ _-]?)?"
    r"label(l?ed)?)([ _-]?(images?|data|set))?", re.I
)  # fmt: skip
_BOXES = frozenset({"labels", "label", "xml", "xmls", "bboxes"})


def open_folders(tree: Tree, *, same_classes: bool = True, level: int | None = None) -> Dataset:
    """Reads class folders, split folders with class folders, or a folder without classes.

    Sub-folders inside a class belong to the class. Which folders are splits is decided by
    `data.splits.layout`. A single folder around everything is entered, and so is ``classes`` or
    ``images`` beside ``masks``.

    Args:
        tree: What `scan` found.
        same_classes: Refuse train and test folders that have no class in common.
        level: Which folder of each path is the class, from 1; None to tell by the tree.

    Returns:
        The items; `source` is ``"unlabelled"`` when there are no class folders.

    Raises:
        DataError: There are no images, they are laid out for another task, or what the folders
            mean can be read in two ways.
    """
    if not tree.names:
        raise DataError(no_images(tree))
    folders = tree.folders
    _refuse_boxes(tree)
    masks = [name for name in folders if name.lower() in MASKS]
    images = [name for name in folders if name.lower() in _IMAGES]
    if masks and images:
        inner = tree.below(images[0])
        if len(inner.folders) < 2:
            raise _masks_error(tree.root / masks[0])
        return open_folders(inner, same_classes=same_classes, level=level)
    for name in folders:
        below = {inner.lower() for inner in tree.below(name).folders}
        if below & MASKS and below & _IMAGES:
            raise _masks_error(tree.root / name)
    if level is not None:
        return _by_level(tree, level)
    _refuse_twins(tree)
    splits = split_folders(tree)
    if splits:
        return _with_splits(tree, splits, same_classes=same_classes)
    if len(folders) == 1:
        (only,) = folders
        inner = _innermost(tree)
        if len(inner.folders) > 1:
            return open_folders(inner, same_classes=same_classes)
        if only.lower() in _IMAGES:
            folders = Counter()
    nowhere = ["" for _ in tree.names]
    if numbered_parts(tree):
        few = some_of(sorted(folders), 3)
        said = {"labels": f"none (the folders {few} number parts; --label folder:1 if not)"}
        return _build(tree, [""] * len(tree.names), nowhere, depth=1, said=said)
    if not folders:
        return _build(tree, [""] * len(tree.names), nowhere, depth=0)
    if _are_initials(tree):
        return _by_level(tree, 2, "folder 2 of each path; the first is its initial letter")
    labels = [name.partition("/")[0] if "/" in name else None for name in tree.names]
    inside = splits_inside_classes(tree)
    if inside is not None:
        return _build(tree, labels, inside, depth=1, said={"splits": "the folder in each class"})
    return _build(tree, labels, nowhere, depth=1)


def _innermost(tree: Tree) -> Tree:
    """Returns the tree below folders that are alone in each other, and hold all images."""
    while len(tree.folders) == 1 and all("/" in name for name in tree.names):
        tree = tree.below(*tree.folders)
    return tree


def _with_splits(tree: Tree, splits: dict[str, SplitFolder], *, same_classes: bool) -> Dataset:
    flat = not any(each.classes for each in splits.values())
    labels: list[str | None] = []
    given = []
    for name in tree.names:
        parts = name.split("/")
        top = splits.get(parts[0])
        at = 0 if top is None else top.depth
        split = "" if top is None or top.kind == "pred" else top.kind
        inside = split and (flat or len(parts) > at + 1)
        labels.append(None if not inside else "" if flat else parts[at])
        given.append(split)
    listed = ", ".join(f"{name}/ ({each.kind})" for name, each in sorted(splits.items()))
    strays = {name: each.kind for name, each in splits.items()}
    plain = all(split_name(name) and each.depth == 1 for name, each in splits.items())
    guessed = frozenset() if plain else frozenset({"splits"})
    dataset = _build(tree, labels, given, depth=2, strays=strays, said={"splits": listed})
    dataset = dataclasses.replace(dataset, guessed=guessed)
    found = dataset.labels
    assert isinstance(found, Classes), "folders are classes"
    sets = {s: {*found.targets[dataset.splits == s].tolist()} - {-1} for s in {*given} - {""}}
    train = sets.pop("train", set())
    for split, classes in sets.items():
        if same_classes and train and classes and not train & classes and not flat:
            a, b = found.names[min(train)], found.names[min(classes)]
            raise DataError(
                f"the train and {split} folders of {tree.root} share no class ({a!r} is in one, "
                f"{b!r} in the other); the folders of both must have the same names"
            )
    return dataset


def _are_initials(tree: Tree) -> bool:
    """Whether the top folders are single letters, with which the folders in them begin."""
    parts = [name.split("/") for name in tree.names]
    return len(tree.folders) > 1 and all(
        len(each) > 2 and len(each[0]) == 1 and each[1][:1].lower() == each[0].lower()
        and each[0].isalpha() and len(each[1]) > 1
        for each in parts
    )  # fmt: skip


def _by_level(tree: Tree, level: int, why: str = "") -> Dataset:
    """Makes the folder at a level the class, and those above it splits where they say so.

    Raises:
        DataError: If no image lies so deep.
    """
    tops = {name: split_word(name) for name in tree.folders}
    known = level > 1 and all(tops.values()) and len(set(tops.values())) > 1
    labels: list[str | None] = []
    splits: list[str] = []
    for name in tree.names:
        folders = name.split("/")[:-1]
        kind = tops[folders[0]] if known and folders else None
        inside = len(folders) >= level and kind != "pred"
        labels.append(folders[level - 1] if inside else None)
        splits.append(kind or "")
    if not any(labels):
        raise DataError(
            f"--label folder:{level}: no image below {tree.root} lies {level} folders deep"
        )
    said = {"labels": why or f"folder {level} of each path, as asked"}
    return _build(tree, labels, splits, depth=level, said=said)


def _build(
    tree: Tree,
    labels: list[str | None],
    splits: list[str],
    *,
    depth: int,
    strays: dict[str, str] | None = None,
    said: dict[str, str] | None = None,
) -> Dataset:
    """Makes the data set of the items that have a label; None is an item outside all classes."""
    labels, without = (labels, "") if "labels" in (said or {}) else _bare(labels)
    keep = [row for row, label in enumerate(labels) if label is not None]
    found = class_labels([normal(labels[row] or "") for row in keep])
    set_aside = [*tree.set_aside]
    outside = Counter(
        tree.names[row].rpartition("/")[0] for row, label in enumerate(labels) if label is None
    )
    for folder, count in sorted(outside.items()):
        first = folder.partition("/")[0]
        many = plural(count, "image")
        if strays and strays.get(first) == "pred":
            reason = f"{many} to predict, without labels"
        elif strays and first and first not in strays:
            reason = f"beside the split folders and none of them ({many})"
        else:
            reason = f"{many} outside every class folder"
        set_aside.append((folder or ".", reason))
    for folder, others in sorted(tree.barren.items()):
        if Path(folder).suffix.lower() in EXTENSIONS:
            set_aside.append((folder, "a folder, not an image, and no images in it"))
        elif folder.count("/") < depth:
            what = f"no images in it, only {plural(others, 'other file')}"
            set_aside.append((folder, what if others else "an empty folder"))
    names = found.names
    some = some_of(names, 4)
    reading = {
        "labels": f"{plural(len(names), 'class folder')} ({some}){without}" if names else "none"
    }
    return Dataset(
        root=tree.root,
        names=tuple(tree.names[row] for row in keep),
        labels=found,
        splits=np.array([splits[row] for row in keep], "U5"),
        source="folders" if names else "unlabelled",
        set_aside=tuple(set_aside),
        reading=reading | (said or {}),
        others=tree.endings,
    )


def _bare(labels: list[str | None]) -> tuple[list[str | None], str]:
    """Returns labels without those that say there is none, and what is to be said of these."""
    found = Counter(each for each in labels if each and _UNLABELLED.fullmatch(each.strip()))
    if not found:
        return labels, ""
    some = some_of((f"{name}/ ({plural(n, 'image')})" for name, n in sorted(found.items())), 3)
    said = f"; {some} by name without a label (--label folder:N takes it for a class)"
    return ["" if each in found else each for each in labels], said


def _masks_error(path: Path) -> DataError:
    return DataError(
        f"{path} holds masks beside images: --task segmentation learns them; for classes give one "
        "folder of images per class, a table (path, label), or one plain folder of images"
    )


def _refuse_boxes(tree: Tree) -> None:
    """Raises for images with boxes, whose folders would be taken for classes.

    Raises:
        DataError: A folder of annotations without images lies beside the images.
    """
    holding = {name.rpartition("/")[0].lower() for name in tree.names}
    for folder, others in tree.barren.items():
        parent, _, last = folder.lower().rpartition("/")
        siblings = {f"{parent}/{name}".lstrip("/") for name in _IMAGES}
        beside = any(h == s or h.startswith(s + "/") for h in holding for s in siblings)
        if _are_lists(tree, folder):
            continue
        if others and (last in ("annotation", "annotations") or (last in _BOXES and beside)):
            inner = [
                n
                for n in tree.folders
                if n != folder and len(_innermost(tree.below(n)).folders) > 1
            ]
            other = "".join(f"; to learn those in it, give {tree.root / n}" for n in inner[:1])
            unread = unread_format(tree)
            what = "looks like the boxes of a detection set: say --task detection to read them"
            if unread is not None and unread.places:
                what = f"holds annotations: {unread.line}"
            raise DataError(
                f"{tree.root / folder} {what}. Classes are one folder of images each, a table "
                f"(path, label), or one plain folder of images{other}"
            )


def _refuse_twins(tree: Tree) -> None:
    """Refuses a folder of images and another with a file for each of them, taken for two classes.

    Raises:
        DataError: If that is so, and one of them only says that it holds images, or only the files
            of the other have few colours each.
    """
    plain = [name for name in tree.folders if _IMAGE_WORD.search(name)]
    others = [name for name in tree.folders if name not in plain]
    if len(tree.folders) > 1 and not plain:
        plain = [name for name in tree.folders if not few_colours(tree.below(name))]
        others = [name for name in tree.folders if name not in plain]
    if len(plain) != 1 or not others:
        return
    first, *stems = [
        {normal(Path(name).stem).lower() for name in tree.below(folder).names}
        for folder in (plain[0], *others)
    ]
    if len(first) > 1 and all(each == first for each in stems):
        each = "each hold" if len(others) > 1 else "holds"
        where = some_of([str(tree.root / name) for name in others], 3)
        raise DataError(
            f"{where} {each} a file of the same name for each image of {plain[0]}, as "
            f"masks do: say --task segmentation --annotations {tree.root / others[0]} to learn "
            f"them, or --label folder:1 if the two are classes"
        )


def _are_lists(tree: Tree, folder: str) -> bool:
    """Whether a folder holds lists of images, such as train.txt and test.txt, and nothing else."""
    files = [name for name in tree.others if name.startswith(folder + "/")]
    stems = {normal(Path(name).stem).lower() for name in tree.names}
    lists = [
        name for name in files
        if split_word(Path(name).stem.rstrip("0123456789")) or "list" in name.lower()
        or "trainval" in name.lower()
    ]  # fmt: skip
    return 2 * len(lists) > len(files) and all(
        name.lower().endswith(".txt") and normal(Path(name).stem).lower() not in stems
        for name in files
    )
