"""Which image below a folder an annotation is of, by the names on both sides."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from headstart.data.words import normal, split_name, split_word
from headstart.lists import some_of

__all__ = ["NO_IMAGE", "pair_by_stem", "place_images", "stem_of"]

NO_IMAGE = "annotated, but there is no such image"

# Folders that say what lies in them and not whose it is.
_PLAIN = frozenset(
    {
        *("images", "image", "imgs", "img", "jpegimages", "jpegs", "photos", "pictures", "data"),
        *("labels", "label", "annotations", "annotation", "annots", "ann", "xml", "xmls", "bbox"),
        *(
            "..",
            "bboxes",
            "boxes",
            "json",
            "jsons",
            "txt",
            "yolo",
            "voc",
            "labelme",
            "obj_train_data",
        ),
    }
)


def stem_of(name: str) -> str:
    """Returns the last part of a path without its ending, in one normal form."""
    return normal(os.path.splitext(name.rpartition("/")[2])[0])


def pair_by_stem(
    images: Sequence[str], notes: Iterable[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Pairs files of annotations with the images of the same names.

    Of images with the same name in several folders it is the one whose folders are called like
    those of the annotation, apart from ``images``, ``labels`` and the like.

    Args:
        images: Paths below a folder.
        notes: Paths of files below the same.

    Returns:
        Annotation -> image, and (name, reason) of the others, which are left out.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for name in images:
        by_stem[stem_of(name)].append(name)
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    aside = []
    for note in notes:
        fit = by_stem.get(stem_of(note), [])
        if len(fit) > 1:
            homes = [name for name in fit if name.rpartition("/")[0] == note.rpartition("/")[0]]
            fit = homes or [name for name in fit if _places(name) == _places(note)] or fit
        if len(fit) != 1:
            why = f"several images have its name ({some_of(fit, 3)})" if fit else NO_IMAGE
            aside.append((note, why))
        elif fit[0] in taken:
            aside.append((note, f"{fit[0]} is annotated by {taken[fit[0]]} already"))
        else:
            found[note] = fit[0]
            taken[fit[0]] = note
    return found, aside


def _places(name: str) -> tuple[str, ...]:
    return tuple(
        split_name(part) or part.lower() for part in name.split("/")[:-1]
        if part.lower() not in _PLAIN
    )  # fmt: skip


def place_images(
    images: Sequence[str], listed: Mapping[str, str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Finds the images that annotations name.

    Args:
        images: Paths below a folder.
        listed: Name, as a file has it -> the split that the file is of, or "".

    Returns:
        Image -> its name in the file, and (name, reason) of what could not be placed.
    """
    whole = {normal(name): name for name in images}
    ends: dict[str, list[str]] = defaultdict(list)
    stems: dict[str, list[str]] = defaultdict(list)
    for name in images:
        ends[normal(name.rpartition("/")[2])].append(name)
        stems[stem_of(name)].append(name)
    homes: dict[str, str] = {}
    aside = []
    for each, split in listed.items():
        plain = normal(each).replace("\\", "/").removeprefix("./")
        last = plain.rpartition("/")[2]
        fit = [whole[plain]] if plain in whole else []
        fit = fit or [name for name in ends.get(last, ()) if normal(name).endswith("/" + plain)]
        fit = fit or _longest(ends.get(last, ()), plain)
        fit = fit or ends.get(last, []) or _by_stem(stems, last)
        if len(fit) > 1 and split:
            fit = [name for name in fit if split in _splits(name)] or fit
        if len(fit) == 1 and fit[0] not in homes:
            homes[fit[0]] = each
        elif len(fit) == 1:
            aside.append((each, f"{fit[0]} is annotated under the name {homes[fit[0]]} already"))
        else:
            why = f"several images have this name ({some_of(fit, 3)})" if fit else NO_IMAGE
            aside.append((each, why))
    return homes, aside


def _longest(names: Sequence[str], plain: str) -> list[str]:
    """Returns the image whose path is the end of a longer one, such as one of another machine."""
    fit = [n for n in names if "/" in n and f"/{plain}".endswith("/" + normal(n))]
    return [max(fit, key=len)] if fit else []


def _by_stem(stems: Mapping[str, list[str]], last: str) -> list[str]:
    """Returns images by a name without its ending, or with that of another format."""
    return stems.get(last) or stems.get(os.path.splitext(last)[0], [])


def _splits(name: str) -> set[str | None]:
    return {split_word(part) for part in name.split("/")[:-1]}
