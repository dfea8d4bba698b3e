"""Which mask belongs to which image, told by folders and names."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from headstart.data.masks.folder_words import (
    are_instances,
    bare_folder,
    class_of_folder,
    folders_around,
    folders_of,
    in_masks,
    is_mask_folder,
    split_folder,
)
from headstart.data.masks.places import (
    Place,
    without_common,
    without_common_of_folders,
    without_numbers,
    without_only_folder,
    without_zeros,
)
from headstart.data.words import normal, split_word

__all__ = ["MaskPairs", "is_called_mask", "pair_masks", "split_by_folders"]

_ENDING = re.compile(
    r"([ _.\-]+(gtfine|gtcoarse))?[ _.\-]+(masks?|segmentations?|seg|gt|groundtruth|"
    r"ground[_ ]truth|labels?|annotations?|annot?|labelids|labeltrainids|matte|l)$",
    re.I,
)
_NUMBERED = re.compile(r"(?<=[ _.\-]mask)(s?)[ _.\-]?\d{1,2}$", re.I)  # x_mask_1 of x
_OTHER_KINDS = re.compile(
    r"[ _.\-]((gtfine|gtcoarse)[ _.\-](color|instanceids)|superpixels?)$", re.I
)
_SEPARATOR = re.compile(r"[ _.\-]+(?=[^\W_])")
_OWN_ENDING = re.compile(r"[ _.\-]+(images?|img|leftimg8bit|rgb|raw|sat)$", re.I)


@dataclass(frozen=True)
class MaskPairs:
    """Images and their masks.

    Attributes:
        images: N paths, sorted.
        masks: For each, the masks of it: none, one, or several that each show a part.
        parts: For each of these masks the folder that says what it shows, or "".
        splits: N splits that folders say, or "".
        lost: Masks without an image.
        several: Image -> the masks of its name, where it cannot be told which is meant.
        files: Where images and masks lie, for people.
        guessed: Whether names were made to fit.
    """

    images: tuple[str, ...]
    masks: tuple[tuple[str, ...], ...]
    parts: tuple[tuple[str, ...], ...]
    splits: tuple[str, ...]
    lost: tuple[str, ...] = ()
    several: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: str = ""
    guessed: bool = False


def pair_masks(names: Sequence[str], masks: Sequence[str] | None = None) -> MaskPairs | None:
    """Pairs images with masks; None where nothing is called a mask.

    A mask is what lies in a folder called so (``masks``, ``labels``, ``SegmentationClass``,
    ``train_masks``), or ends so beside its image (``x_mask.png``). Both have the same name but for
    such words, and lie in folders of the same name but for such words.

    Args:
        names: Paths of all images and masks, with forward slashes.
        masks: Those that are masks, where it was said; what else is called so is left out.
    """
    told = set(masks or ())
    images, called = _roles([name for name in names if name not in told])
    if masks is not None:
        called = [_place(name, cut=True) for name in masks]
    if not called or not images:
        return None
    (found, lost), guessed = _matched(images, called, alone=masks is not None)
    if any(_numbered(mask) for theirs in found.values() for mask, _ in theirs):
        found = {image: [(mask, part or "object") for mask, part in theirs]
                 for image, theirs in found.items()}  # fmt: skip
    several = {}
    for image, theirs in list(found.items()):
        whole = tuple(mask for mask, part in theirs if not part)
        if len(whole) > 1:
            several[image] = whole
            found[image] = []
    taken = tuple(sorted(each.name for each in images))
    said = _said_of_zeros(found) if guessed and not lost else ""
    splits = split_by_folders(taken)
    return MaskPairs(
        taken,
        tuple(tuple(mask for mask, _ in found.get(name, ())) for name in taken),
        tuple(tuple(part for _, part in found.get(name, ())) for name in taken),
        splits, tuple(sorted(lost)), several, _said(taken, found) + said, guessed,
    )  # fmt: skip


def _numbered(name: str) -> bool:
    """Whether a mask is one of several of its image by its name: ``x_mask_1.png``."""
    return bool(_NUMBERED.search(os.path.splitext(name)[0]))


def is_called_mask(name: str) -> bool:
    """Tells whether the path of a file ends like a mask's, in a folder that is called so."""
    folders = any(is_mask_folder(folder) for folder in folders_of(name))
    return folders and bool(_ENDING.search(os.path.splitext(name)[0]))


def _roles(names: Sequence[str]) -> tuple[list[Place], list[Place]]:
    """Returns images and masks."""
    images: list[Place] = []
    masks: list[Place] = []
    loose: list[Place] = []
    around = folders_around(names)
    by_folder = False
    for name in names:
        if any(map(are_instances, folders_of(name))):
            continue
        each = _place(name)
        if _OTHER_KINDS.search(each.stem):
            continue
        if in_masks(name, around):
            by_folder = True
            masks.append(Place(name, each.key, _ENDING.sub("", each.stem)))
        elif _ENDING.search(_NUMBERED.sub(r"\1", each.stem)):
            loose.append(each)
        else:
            images.append(Place(name, each.key, _OWN_ENDING.sub("", each.stem)))
    if by_folder:  # what ends like a mask beside the images is an image here
        return images + [Place(p.name, p.key, _ENDING.sub("", p.stem)) for p in loose], masks
    known = {(each.key, each.stem.lower()) for each in images}
    for each in loose:
        stem = _ENDING.sub("", _NUMBERED.sub(r"\1", each.stem))
        is_mask = (each.key, _OWN_ENDING.sub("", stem).lower()) in known
        is_mask = is_mask or (each.key, stem.lower()) in known
        (masks if is_mask else images).append(
            Place(each.name, each.key, _OWN_ENDING.sub("", stem) if is_mask else each.stem)
        )
    return images, masks


def _place(name: str, cut: bool = False) -> Place:
    stem = normal(os.path.splitext(name.rpartition("/")[2])[0])
    key = tuple(left for folder in folders_of(name) if (left := bare_folder(folder)))
    return Place(name, key, _ENDING.sub("", stem) if cut else stem)


_Found = tuple[dict[str, list[tuple[str, str]]], list[str]]


def _matched(images: list[Place], called: list[Place], *, alone: bool) -> tuple[_Found, bool]:
    """Returns what `_by_name` does, and whether names had to be made to fit."""
    pairs, guessed = _by_name(images, called, alone=alone), False
    if pairs[1] and (numbered := _by_number(images, called, alone=alone)):
        return (numbered, []), True
    cuts: list[Callable[[list[Place]], list[Place]]] = [
        without_common, without_numbers, without_common_of_folders,
    ]  # fmt: skip
    if all(each.name.count("/") > 1 for each in called):  # else they may be classes
        cuts.append(without_only_folder)
    ways = [lambda cut=cut: _by_name(cut(images), cut(called), alone=alone) for cut in cuts]
    for way in ([*ways], [lambda: _by_words(images, called)]):
        if 2 * sum(map(len, pairs[0].values())) >= len(called):
            break
        for again in (each() for each in way):
            if sum(map(len, again[0].values())) > sum(map(len, pairs[0].values())):
                pairs, guessed = again, True
    return pairs, guessed


def _by_name(images: list[Place], masks: list[Place], *, alone: bool) -> _Found:
    """Returns image -> its (mask, part), and the masks that are left over.

    Args:
        images: Where they lie.
        masks: Where they lie.
        alone: Whether names alone will do, where no two images have the same.
    """
    stems = Counter(each.stem.lower() for each in images)
    if alone and len(stems) == len(images):
        images = [Place(each.name, (), each.stem) for each in images]
        masks = [Place(each.name, (), each.stem) for each in masks]
    index: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    only: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for each in images:
        index[each.key, each.stem.lower()].append(each.name)
        only[each.key].append(each.name)
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    lost: list[Place] = []
    for mask in masks:
        homes = index.get((mask.key, mask.stem.lower()))
        if homes:
            for home in homes:
                found[home].append((mask.name, ""))
        else:
            lost.append(mask)
    left = []
    for mask in lost:
        # masks/crack/x.png of images/x.jpg, and masks/x/crack.png; or x/masks/*.png of x/images/x.
        for key, stem, part in (
            (mask.key[:-1], mask.stem, _class_of(mask) if mask.key else ""),
            (mask.key[:-1], mask.key[-1] if mask.key else "", mask.stem),
        ):
            homes = index.get((key, stem.lower())) if part else None
            if homes:
                break
        if not homes and mask.key and len(only.get(mask.key, ())) == 1:
            homes, part = only[mask.key], "object"
            same = normal(os.path.splitext(PurePosixPath(homes[0]).name)[0]).lower()
            homes = homes if same == mask.key[-1] else None
        for home in homes or ():
            found[home].append((mask.name, part))
        if not homes:
            left.append(mask.name)
    return found, left


def _by_number(
    images: list[Place], masks: list[Place], *, alone: bool
) -> dict[str, list[tuple[str, str]]] | None:
    """Pairs ``1.png`` with ``001.png`` where every mask finds an image of its own; else None.

    With one mask left over, or two of one image, numbers that look alike may be others.
    """
    for cut in (list, without_common):
        own, theirs = without_zeros(cut(images)), without_zeros(cut(masks))
        if len({(each.key, each.stem.lower()) for each in own}) < len(own):
            continue
        found, left = _by_name(own, theirs, alone=alone)
        if not left and all(len(each) == 1 and not each[0][1] for each in found.values()):
            return found
    return None


def _class_of(mask: Place) -> str:
    """Returns what the innermost folder that says more than that it holds masks is called."""
    return class_of_folder([f for f in folders_of(mask.name) if bare_folder(f)][-1])


def _by_words(images: list[Place], masks: list[Place]) -> _Found:
    """Pairs masks that say their class, or number it, after the name of their image: ``x_cat``.

    Only where words, of fewer kinds than there are masks, tell apart those of one image.
    """
    index = {(each.key, each.stem.lower()): each.name for each in images}
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    left = []
    for mask in masks:
        for cut in reversed(list(_SEPARATOR.finditer(mask.stem))):
            home = index.get((mask.key, mask.stem[: cut.start()].lower()))
            if home:
                found[home].append((mask.name, mask.stem[cut.end() :]))
                break
        else:
            left.append(mask.name)
    words = [word for theirs in found.values() for _, word in theirs]
    several = len(words) > len(found) and len(set(words)) < len(words)
    return (found, left) if several else ({}, [mask.name for mask in masks])


def split_by_folders(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the split that a folder of each image says, or ``""``."""
    depth = max((name.count("/") for name in names), default=0)
    for at in range(depth):
        parts = {name: folders_of(name)[at] if name.count("/") > at else "" for name in names}
        for read in (split_folder, split_word):
            kinds = {part: read(part) if part else None for part in set(parts.values())}
            told = [kind for kind in kinds.values() if kind]
            enough = len(told) == len(kinds) if read is split_word else bool(told)
            if enough and (len(set(told)) > 1 or len(kinds) == 1):
                return tuple((kinds[parts[name]] or "").replace("pred", "") for name in names)
    return ("",) * len(names)


def _said_of_zeros(found: dict[str, list[tuple[str, str]]]) -> str:
    """Returns what to say where images and masks differ in the zeros before their numbers."""
    for image, theirs in sorted(found.items()):
        for mask, part in theirs:
            own = re.findall(r"\d+", _place(image).stem)[-1:]
            other = re.findall(r"\d+", _place(mask, cut=True).stem)[-1:]
            if not part and own != other and [*map(int, own)] == [*map(int, other)]:
                return f"; paired by number, as {image} with {mask}"
    return ""


def _said(images: tuple[str, ...], found: dict[str, list[tuple[str, str]]]) -> str:
    masks = [mask for theirs in found.values() for mask, _ in theirs]
    homes = Counter(name.rpartition("/")[0] for name in images)
    theirs = Counter(name.rpartition("/")[0] for name in masks)
    if not masks:
        return ""
    if set(theirs) <= set(homes):
        example = min(masks).rpartition("/")[2]
        return f"masks beside the images, by their endings (such as {example})"

    def listed(places: Counter[str]) -> str:
        top = Counter("/".join(place.split("/")[:2]) for place in places.elements())
        some = [f"{place or '.'}/" for place in sorted(top)[:3]]
        return ", ".join(some) + (", …" if len(top) > 3 else "")

    return f"images in {listed(homes)}; masks in {listed(theirs)}"
