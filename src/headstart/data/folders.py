"""Folders of images: one folder per class, perhaps under train, val and test; or no classes."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.tables import class_labels, split_name
from headstart.errors import DataError

__all__ = ["EXTENSIONS", "Tree", "open_folders", "scan"]

EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif"),
        *(".heic", ".heif"),
    }
)
"""A file with one of these endings is an item; whether it decodes is found out later."""

# Folders that archivers, file servers and notebooks leave behind.
_JUNK = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "__pycache__"})
_IMAGES = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "data", "classes"}
)
_MASKS = frozenset({"mask", "masks", "segmentation", "segmentations", "groundtruth", "gt"})
_BOXES = frozenset({"labels", "label", "xml", "xmls", "bboxes"})


@dataclass(frozen=True)
class Tree:
    """The image files below a folder.

    Attributes:
        root: The folder.
        names: Paths of the images relative to `root`, sorted, with forward slashes.
        barren: Folders that hold no image at any depth (not those below them)
            -> how many other files they hold.
        set_aside: (name, reason) of what could not be looked at.
    """

    root: Path
    names: tuple[str, ...]
    barren: dict[str, int] = field(default_factory=dict)
    set_aside: tuple[tuple[str, str], ...] = ()

    def below(self, folder: str) -> Tree:
        """Returns the tree of a sub-folder, its names relative to that."""
        start, at = folder + "/", len(folder) + 1
        return Tree(
            self.root / folder,
            tuple(name[at:] for name in self.names if name.startswith(start)),
            {name[at:]: n for name, n in self.barren.items() if name.startswith(start)},
            tuple((name[at:], why) for name, why in self.set_aside if name.startswith(start)),
        )

    @property
    def folders(self) -> Counter[str]:
        """Direct sub-folders that hold images at any depth -> how many."""
        return Counter(name.partition("/")[0] for name in self.names if "/" in name)


def scan(root: Path) -> Tree:
    """Finds all image files below a folder, by their endings, without opening any.

    Hidden entries and the litter of archivers are passed over. Links are followed, but
    never back to a folder above.

    Raises:
        DataError: The folder cannot be listed.
    """
    names: list[str] = []
    barren: dict[str, int] = {}
    set_aside: list[tuple[str, str]] = []

    def walk(folder: str, start: str) -> tuple[int, int]:
        images = others = 0
        bare: dict[str, int] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." or name in _JUNK:
                    continue
                if not name.isprintable() and any("\ud800" <= c <= "\udfff" for c in name):
                    shown = os.fsencode(start + name).decode("utf-8", "backslashreplace")
                    set_aside.append((shown, "its name is not valid UTF-8; rename it"))
                elif entry.is_dir():
                    if entry.is_symlink() and _leads_up(entry.path):
                        set_aside.append((start + name, "a link back to a folder above"))
                        continue
                    try:
                        found, other = walk(entry.path, f"{start}{name}/")
                    except OSError as error:
                        set_aside.append((start + name, f"cannot be listed ({error.strerror})"))
                        continue
                    if not found:
                        bare[start + name] = other
                    images, others = images + found, others + other
                elif os.path.splitext(name)[1].lower() in EXTENSIONS:
                    names.append(start + name)
                    images += 1
                else:
                    others += 1
        if images:  # else the folder itself is barren, which says it all
            barren.update(bare)
        return images, others

    try:
        walk(str(root), "")
    except OSError as error:
        raise DataError(f"cannot list {root}: {error.strerror or error}") from None
    return Tree(root, tuple(sorted(names)), barren, tuple(sorted(set_aside)))


def _leads_up(link: str) -> bool:
    target = Path(link).resolve()
    return Path(link).parent.resolve().is_relative_to(target)


def open_folders(tree: Tree, *, same_classes: bool = True) -> Dataset:
    """Reads class folders, split folders with class folders, or a folder without classes.

    Sub-folders inside a class belong to the class. ``train``, ``val`` and ``test`` (in their
    usual spellings) are splits when there are two of them, or one and nothing else. A single
    folder around everything is entered, and so is ``classes`` or ``images`` beside ``masks``.

    Args:
        tree: What `scan` found.
        same_classes: Refuse train and test folders that have no class in common.

    Returns:
        The items; `source` is ``"unlabelled"`` when there are no class folders.

    Raises:
        DataError: There are no images, or they are laid out for another task.
    """
    if not tree.names:
        raise DataError(
            f"no images below {tree.root}; files that end in "
            f"{' '.join(sorted(EXTENSIONS))} are taken for images"
        )
    folders = tree.folders
    _refuse_boxes(tree)
    masks = [name for name in folders if name.lower() in _MASKS]
    images = [name for name in folders if name.lower() in _IMAGES]
    if masks and images:
        inner = tree.below(images[0])
        if len(inner.folders) < 2:
            raise _masks_error(tree.root / masks[0])
        return open_folders(inner, same_classes=same_classes)
    for name in folders:
        below = {inner.lower() for inner in tree.below(name).folders}
        if below & _MASKS and below & _IMAGES:
            raise _masks_error(tree.root / name)

    splits = {name: split for name in folders if (split := split_name(name))}
    if len(set(splits.values())) > 1 or (splits and len(folders) == 1):
        return _with_splits(tree, splits, same_classes=same_classes)
    if len(folders) == 1:
        (only,) = folders
        inner = tree.below(only)
        if len(inner.folders) > 1 and len(inner.names) == len(tree.names):
            return open_folders(inner, same_classes=same_classes)
        if only.lower() in _IMAGES:
            folders = Counter()
    if not folders:
        return _build(tree, ["" for _ in tree.names], ["" for _ in tree.names], depth=0)
    labels = [name.partition("/")[0] if "/" in name else None for name in tree.names]
    # The other way round, class/train/x.jpg: then the second folder of every item is a split.
    second = [
        split_name(name.split("/")[1]) if name.count("/") > 1 else None for name in tree.names
    ]
    if None not in second and len(set(second)) > 1:
        return _build(tree, labels, [split or "" for split in second], depth=1)
    return _build(tree, labels, ["" for _ in tree.names], depth=1)


def _with_splits(tree: Tree, splits: dict[str, str], *, same_classes: bool) -> Dataset:
    flat = not any(tree.below(name).folders for name in splits)
    labels: list[str | None] = []
    given = []
    for name in tree.names:
        parts = name.split("/")
        given.append(splits.get(parts[0], ""))
        inside = given[-1] and (flat or len(parts) > 2)
        labels.append(None if not inside else "" if flat else parts[1])
    dataset = _build(tree, labels, given, depth=2, strays=tuple(splits))
    found = dataset.labels
    assert isinstance(found, Classes), "folders are classes"
    sets = {s: {*found.targets[dataset.splits == s].tolist()} for s in set(splits.values())}
    train = sets.pop("train", set())
    for split, classes in sets.items():
        if same_classes and train and classes and not train & classes and not flat:
            a, b = found.names[min(train)], found.names[min(classes)]
            raise DataError(
                f"the train and {split} folders of {tree.root} share no class ({a!r} is in one, "
                f"{b!r} in the other); the folders of both must have the same names"
            )
    return dataset


def _build(
    tree: Tree,
    labels: list[str | None],
    splits: list[str],
    *,
    depth: int,
    strays: tuple[str, ...] = (),
) -> Dataset:
    """Makes the data set of the items that have a label; None is an item outside all classes."""
    keep = [row for row, label in enumerate(labels) if label is not None]
    # macOS stores é as two characters, others as one: one class all the same.
    found = class_labels([unicodedata.normalize("NFC", labels[row] or "") for row in keep])
    set_aside = [*tree.set_aside]
    outside = Counter(
        tree.names[row].rpartition("/")[0] for row, label in enumerate(labels) if label is None
    )
    for folder, count in sorted(outside.items()):
        first = folder.partition("/")[0]
        if strays and first and first not in strays:
            reason = f"beside the split folders and none of them ({count} images)"
        else:
            reason = f"{count} image{'s' * (count > 1)} outside every class folder"
        set_aside.append((folder or ".", reason))
    for folder, others in sorted(tree.barren.items()):
        if Path(folder).suffix.lower() in EXTENSIONS:
            set_aside.append((folder, "a folder, not an image, and no images in it"))
        elif folder.count("/") < depth:
            what = f"no images in it, only {others} other files" if others else "an empty folder"
            set_aside.append((folder, what))
    return Dataset(
        root=tree.root,
        names=tuple(tree.names[row] for row in keep),
        labels=found,
        splits=np.array([splits[row] for row in keep], "U5"),
        source="folders" if found.names else "unlabelled",
        set_aside=tuple(set_aside),
    )


def _masks_error(path: Path) -> DataError:
    return DataError(
        f"{path} holds masks beside images, as segmentation does; here a data set is classes: "
        "one folder of images per class, a table (path, label), or one plain folder of images"
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
        if others and (last in ("annotation", "annotations") or (last in _BOXES and beside)):
            raise DataError(
                f"{tree.root / folder} looks like the boxes of a detection set; here a data set is "
                "classes: one folder of images per class, a table (path, label), or one plain "
                "folder of images"
            )
