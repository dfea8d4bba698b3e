"""What folders of masks and of images are called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from headstart.data.words import MASKS, normal, split_name

__all__ = [
    "are_instances",
    "bare_folder",
    "class_of_folder",
    "folders_around",
    "folders_of",
    "in_masks",
    "is_mask_folder",
    "split_folder",
]

_MASKS = MASKS | {
    *("label", "labels", "annotation", "annotations", "annot", "annots", "anno", "ann"),
    *("trainannot", "testannot", "valannot", "gts", "targets"),
    *("segmentationclass", "segmentationclassraw"),
    *("gtfine", "gtcoarse", "groundtruths", "seg", "segs", "labelids", "manual"),
    *("semantic", "semantics"),
    *("alpha", "alphas", "matte", "mattes", "matting"),
}
_IMAGES = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "data", "classes",
     "leftimg8bit", "input", "inputs", "clip", "rgb", "raw", "original", "originals", "frames",
     "slices"}
)  # fmt: skip
_INSTANCES = frozenset(
    {
        "segmentationobject",
        "instance",
        "instances",
        "instanceids",
        "overlay",
        "overlays",
        "visualization",
        "visualizations",
        "visualisation",
    }
)
_NNUNET = re.compile(r"(?:images|labels)(tr|ts|val)", re.I)
_NNUNET_SPLITS = {"tr": "train", "ts": "test", "val": "val"}
_PLAIN = frozenset({"png", "pngs", "jpg", "jpeg", "tif", "tiff", "raw", "1024", "512", "256"})


def folders_of(name: str) -> list[str]:
    """Returns the folders of a path."""
    return name.split("/")[:-1]


def is_mask_folder(folder: str) -> bool:
    """Tells whether a folder is called like one of masks."""
    return _is(folder, _MASKS)


def are_instances(folder: str) -> bool:
    """Tells whether a folder is called like one of masks that number things one by one."""
    return _is(folder, _INSTANCES)


def folders_around(names: Sequence[str]) -> frozenset[str]:
    """Returns the folders that hold images and masks in folders of their own: Kvasir-SEG/.

    Args:
        names: Paths of all files.
    """
    inside: dict[str, set[str]] = defaultdict(set)
    for home in {name.rpartition("/")[0] for name in names}:
        parts = home.split("/")
        for depth, part in enumerate(parts):
            inside["/".join(parts[:depth])].add(part)
    return frozenset(
        home for home, parts in inside.items()
        if any(map(is_mask_folder, parts))
        and any(_is(part, _IMAGES) and not is_mask_folder(part) for part in parts)
    )  # fmt: skip


def in_masks(name: str, around: frozenset[str]) -> bool:
    """Tells whether a file lies in a folder of masks, which holds no images besides.

    Args:
        name: Its path.
        around: What `folders_around` says.
    """
    parts = folders_of(name)
    return any(
        is_mask_folder(part) and "/".join(parts[: depth + 1]) not in around
        for depth, part in enumerate(parts)
    )


def split_folder(folder: str) -> str | None:
    """Returns the split that a folder is called after, ``imagesTr`` of nnU-Net among them."""
    told = _NNUNET.fullmatch(folder)
    return _NNUNET_SPLITS[told[1].lower()] if told else split_name(folder)


@cache
def bare_folder(folder: str) -> str:
    """Returns a folder's name without what says that it holds images or masks; splits alike."""
    if told := split_folder(folder):
        return told
    words = [w for w in _words(folder) if w not in _MASKS and w not in _IMAGES and w not in _PLAIN]
    left = "_".join(words)
    annotated = re.fullmatch(r"(train|test|val)annot", folder.lower())
    left = annotated[1] if annotated else left
    return split_name(left) or left


def class_of_folder(folder: str) -> str:
    """Returns the class that a folder of masks is called after, as people write it."""
    bare = bare_folder(folder)
    return normal(folder) if bare == "_".join(_words(folder)) else bare


@cache
def _words(folder: str) -> tuple[str, ...]:
    words: list[str] = []
    for part in filter(None, re.split(r"[ _.\-]+", folder)):
        known = part.lower() in _MASKS | _IMAGES | _INSTANCES  # SegmentationClass, leftImg8bit
        words += [part] if known else re.split(r"(?<=[a-z])(?=[A-Z])", part)  # ManualMask
    return tuple(word.lower() for word in words)


@cache
def _is(folder: str, words: frozenset[str]) -> bool:
    return folder.lower() in words or any(part in words for part in _words(folder))
