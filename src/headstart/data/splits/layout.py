"""Which folders are splits: decided here, by their names and by the tree itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headstart.data.files.scan import Tree
from headstart.data.words import SplitWord, normal, split_name, split_word, stem_and_number
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["SplitFolder", "numbered_parts", "split_folders", "splits_inside_classes"]

# Of numbered folders with such a name it is plain that they are classes.
_KINDS = frozenset(
    {"class", "grade", "level", "stage", "category", "label", "type", "score", "degree", "kind"}
)


_PARTS = frozenset({"images", "image", "imgs", "img", "part", "parts", "batch", "shard", "photos"})


@dataclass(frozen=True)
class SplitFolder:
    """A folder at the top that holds a split.

    Attributes:
        kind: Which.
        depth: Which part of the paths in it is the class, from 0: 2 where it holds one folder
            of the same name, as some archives do, or one that is only called ``images``.
        classes: The folders at that depth.
    """

    kind: str
    depth: int
    classes: frozenset[str]


def split_folders(tree: Tree) -> dict[str, SplitFolder]:
    """Returns the top folders that are splits; none where the top folders are classes.

    ``train``, ``val`` and ``test`` in their usual spellings are splits when there are two of
    them, or one and nothing else. Names that speak of splits in one of their words
    (``training_set``, ``seg_test``) are, where all top folders do and the folders in them agree.

    Raises:
        DataError: If the tree can be read in two ways.
    """
    folders = tree.folders
    exact = {name: split for name in folders if (split := split_name(name))}
    if len(set(exact.values())) > 1 or (exact and len(folders) == 1):
        return {name: _split(tree, name, kind) for name, kind in exact.items()}
    words = {name: kind for name in folders if (kind := split_word(name))}
    if len(words) == len(folders) and len(set(words.values())) > 1:
        found = {name: _split(tree, name, kind) for name, kind in words.items()}
        if _agree(found):
            return found
        raise _two_readings(tree, found)
    if len({*words.values()} - {"pred"}) > 1:  # bounding_box_train, bounding_box_test and query
        raise _two_readings(tree, {name: _split(tree, name, kind) for name, kind in words.items()})
    _refuse_numbered(tree)
    return {}


def numbered_parts(tree: Tree) -> bool:
    """Tells whether the top folders only number parts of one set: ``images_part_1``, ``_part_2``.

    They have one name but for numbers, which says that they hold images or parts.
    """
    folders = sorted(tree.folders)
    if len(folders) < 2 or not all(name.count("/") == 1 for name in tree.names):
        return False
    numbered = [stem_and_number(name) for name in folders]
    stems = {each[0].lower() if each else "" for each in numbered}
    words = set(re.split(r"[\s_.-]+", stems.pop())) if len(stems) == 1 else set()
    return bool(words & _PARTS) and not words & _KINDS


def splits_inside_classes(tree: Tree) -> list[str] | None:
    """Returns the split of each image where every class holds its own: class/train/x.jpg.

    None where the second folder of any image is no split, or of all images the same.
    """
    second = [name.split("/")[1] if name.count("/") > 1 else "" for name in tree.names]
    for read in (split_name, split_word):
        kinds = [read(name) for name in second]
        if all(kinds) and len(set(kinds)) > 1:
            return [kind if kind and kind != "pred" else "" for kind in kinds]
    return None


def _split(tree: Tree, name: str, kind: SplitWord | str) -> SplitFolder:
    inner, depth = tree.below(name), 1
    if len(inner.folders) == 1:
        (only,) = inner.folders
        same = normal(only) == normal(name) or split_word(only) == kind or only.lower() in _PARTS
        if same and all(each.startswith(only + "/") for each in inner.names):
            inner, depth = inner.below(only), 2
    return SplitFolder(kind, depth, frozenset(normal(each) for each in inner.folders))


def _agree(found: dict[str, SplitFolder]) -> bool:
    """Whether splits hold the same classes, or one holds classes and the others loose images."""
    with_classes = [each for each in found.values() if each.classes and each.kind != "pred"]
    if not with_classes:
        return False
    if len({each.kind for each in with_classes}) == 1:
        return any(len(each.classes) > 1 for each in with_classes)
    first = with_classes[0]
    return all(each.classes & first.classes for each in with_classes[1:])


def _two_readings(tree: Tree, found: dict[str, SplitFolder]) -> DataError:
    names = ", ".join(sorted(found))
    deep = any(each.classes for each in found.values())
    other = (
        "--label folder:2 if they are splits and the folders in them are the classes"
        if deep
        else "if they are splits, their images have no labels: put them in one folder per class"
    )
    return DataError(
        f"the folders {names} of {tree.root} are called like splits, and could be classes: "
        f"say --label folder:1 if they are classes, {other}"
    )


def _refuse_numbered(tree: Tree) -> None:
    """Refuses fold1/cat, fold1/dog, fold2/cat, …: which level is the class?

    Raises:
        DataError: If all top folders are one word with different numbers, and hold folders of
            the same names.
    """
    folders = sorted(tree.folders)
    if len(folders) < 2 or not all("/" in name for name in tree.names):
        return
    numbered = [stem_and_number(name) for name in folders]
    stems = {each[0] if each else None for each in numbered}
    if None in stems or len(stems) > 1 or stems & _KINDS:
        return
    inner = [frozenset(normal(each) for each in tree.below(name).folders) for name in folders]
    if len(set(inner)) == 1 and len(inner[0]) > 1:
        some = some_of(sorted(inner[0]), 3)
        raise DataError(
            f"the folders {folders[0]}, {folders[1]}, … of {tree.root} are numbered and hold the "
            f"same folders ({some}): say --label folder:2 if these are the classes, or "
            f"--label folder:1 if the numbered ones are"
        )
