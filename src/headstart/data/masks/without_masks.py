"""Masks among images, where something else than masks is read: they are no images."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from headstart.data.files.scan import Tree
from headstart.data.masks.beside import masks_beside
from headstart.data.masks.pairs import pair_masks

__all__ = ["without_masks"]

_CALLED = re.compile(
    r"[ _.\-](masks?|segmentations?|seg|gt|groundtruth|ground[_ ]truth)(?![a-z])", re.I
)


def without_masks(
    tree: Tree, *, beside: bool = False, twins: bool = False, kept: Collection[str] = ()
) -> tuple[Tree, list[str]]:
    """Returns a tree without the masks of its images, and these.

    Args:
        tree: Images, and perhaps masks of them.
        beside: Only masks in the folders of their images, called so: ``x_mask.png`` beside
            ``x.png``, for most of the images.
        twins: Only masks beside images that nothing but few colours or beginnings tell.
        kept: Images whatever they are called.
    """
    pairs = None if twins else pair_masks(tree.names)
    if pairs is None or not (any(pairs.masks) or pairs.several):
        gone = set(masks_beside(tree)[0]) - set(kept)
        left = tuple(name for name in tree.names if name not in gone)
        return replace(tree, names=left), sorted(gone)
    theirs = dict(zip(pairs.images, pairs.masks, strict=True)) | pairs.several
    if beside:
        theirs = {
            image: tuple(
                mask for mask in masks
                if mask.rpartition("/")[0] == image.rpartition("/")[0]
                and _CALLED.search(mask.rpartition("/")[2].rpartition(".")[0])
            )
            for image, masks in theirs.items()
        }  # fmt: skip
        gone = {mask for masks in theirs.values() for mask in masks}
        if 2 * sum(map(bool, theirs.values())) < len(theirs):
            return tree, []
    else:  # pictures of instances, which are paired with nothing, go too
        gone = set(tree.names) - set(pairs.images)
    gone -= set(kept)
    names = tuple(name for name in tree.names if name not in gone)
    return replace(tree, names=names), sorted(gone)
