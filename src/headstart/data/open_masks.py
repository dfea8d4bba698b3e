"""`open_masks`: images with a mask each, as a data set for segmentation."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.learn_values import MaskValues
from headstart.data.mask_labels import Annotated, mask_labels
from headstart.data.mask_pairs import MaskPairs, pair_masks
from headstart.data.scan import Tree, scan

__all__ = ["open_masks"]


def open_masks(path: Path, *, how: MaskValues = "auto") -> Dataset | None:
    """Reads images with masks; None where a folder or table holds none.

    Args:
        path: A folder.
        how: How the values of masks are read.

    Raises:
        DataError: If masks can be read in two ways, or not at all.
    """
    if not path.is_dir():
        return None
    tree = scan(path)
    pairs = pair_masks(tree.names)
    if pairs is None or not any(pairs.masks):
        return None
    return _from_pairs(tree, pairs, how)


def _from_pairs(tree: Tree, pairs: MaskPairs, how: MaskValues) -> Dataset:
    found = [
        Annotated(tuple(tree.root / mask for mask in masks), parts)
        for masks, parts in zip(pairs.masks, pairs.parts, strict=True)
    ]
    learnt = mask_labels(found, root=tree.root, how=how)
    aside = [
        *tree.set_aside,
        *((name, "a mask without an image of its name") for name in pairs.lost),
    ]
    aside += [*pairs.doubtful.items(), *learnt.set_aside]
    splits = np.array(pairs.splits, "U5")
    known = learnt.masks.known
    # A folder of which nothing is annotated is no split: its images are to be predicted.
    for split in set(splits.tolist()) - {""}:
        if not known[splits == split].any():
            splits[splits == split] = ""
    counts = Counter(splits[splits != ""].tolist())
    said = ", ".join(f"{split} {count:,}" for split, count in sorted(counts.items()))
    return Dataset(
        root=tree.root,
        names=pairs.images,
        labels=learnt.masks,
        splits=splits,
        set_aside=tuple(sorted(aside)),
        task="segmentation",
        reading={
            "files": pairs.files,
            "labels": f"masks of {int(known.sum()):,} of them: {learnt.reading}",
            "splits": f"by folders ({said})" if said else "none",
        },
        others=tree.endings,
        guessed=frozenset({"files"} if pairs.guessed else ()),
    )
