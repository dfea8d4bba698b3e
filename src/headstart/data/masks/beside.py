"""Masks beside their images that no ending tells: `mask_x.png`, or `x.png` beside `x.jpg`."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import replace

from headstart.data.files.few_colours import cut_out, few_colours
from headstart.data.files.scan import Tree
from headstart.data.masks.pairs import MaskPairs, pair_masks, split_by_folders
from headstart.data.words import normal

__all__ = ["masks_beside", "pairs_below"]

_BEGINNING = re.compile(
    r"^(masks?|segmentations?|seg|gt|groundtruth|ground[_ ]truth|labels?|annotations?)[ _.\-]+",
    re.I,
)
_OWN_BEGINNING = re.compile(r"^(images?|img|rgb|raw|sat)[ _.\-]+", re.I)
_LOSSLESS = (".png", ".gif", ".bmp", ".tif", ".tiff")


def pairs_below(tree: Tree) -> MaskPairs | None:
    """Pairs the images of a folder with their masks; None where there seem to be none.

    What folders and endings say goes before what is only beside the images.
    """
    found = pair_masks(tree.names)
    if found is not None and (any(found.masks) or found.several):
        return found
    homes, how = masks_beside(tree)
    if not homes:
        return found
    theirs = {image: mask for mask, image in homes.items()}
    images = tuple(name for name in tree.names if name not in homes)
    masks = tuple((theirs[name],) if name in theirs else () for name in images)
    parts = tuple(("",) * len(each) for each in masks)
    said = f"masks beside the images, {how} (such as {min(homes).rpartition('/')[2]})"
    return MaskPairs(
        images, masks, parts, split_by_folders(images), files=said, guessed="colours" in how
    )


def masks_beside(tree: Tree) -> tuple[dict[str, str], str]:
    """Returns mask -> its image in the same folder, and by what it is told, for people.

    Nothing where fewer than half of the images have one.
    """
    homes, how = _by_beginnings(tree), "by the beginnings of their names"
    if not homes:
        homes, how = _by_colours(tree), "by their few colours or their transparency"
    others = len(tree.names) - len(homes)
    return (homes, how) if len(homes) > 1 and 2 * len(homes) >= others else ({}, "")


def _place(name: str) -> tuple[str, str]:
    home, _, last = name.rpartition("/")
    return home, normal(os.path.splitext(last)[0]).lower()


def _by_beginnings(tree: Tree) -> dict[str, str]:
    """Finds `mask_x` beside `x`, and `label_1` beside `image_1`."""
    begun = {name: match for name in tree.names if (match := _BEGINNING.match(_place(name)[1]))}
    images: dict[tuple[str, str], str] = {}
    for name in tree.names if begun else ():
        home, stem = _place(name)
        if name not in begun:
            images.setdefault((home, _OWN_BEGINNING.sub("", stem)), name)
            images[home, stem] = name
    found = {}
    for name, match in begun.items():
        home, stem = _place(name)
        if (home, stem[match.end() :]) in images:
            found[name] = images[home, stem[match.end() :]]
    return found if 2 * len(found) > len(begun) and len(set(found.values())) == len(found) else {}


def _by_colours(tree: Tree) -> dict[str, str]:
    """Finds files of one ending and few colours, each beside a file of its name with many."""
    twins: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in tree.names:
        twins[_place(name)].append(name)
    if all(len(each) == 1 for each in twins.values()):
        return {}
    for ending in _LOSSLESS:
        own = [name for name in tree.names if name.lower().endswith(ending)]
        pairs = [twins[_place(name)] for name in own]
        if not own or any(len(each) != 2 for each in pairs):
            continue
        found = {
            name: other
            for name, (one, two) in zip(own, pairs, strict=True)
            if not (other := two if one == name else one).lower().endswith(ending)
        }
        if len(found) < len(own):
            continue
        masks = replace(tree, names=tuple(found))
        images = replace(tree, names=tuple(found.values()))
        if (few_colours(masks) or cut_out(masks)) and not few_colours(images):
            return found
    return {}
