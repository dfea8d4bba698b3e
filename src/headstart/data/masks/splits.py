"""Splits of images with masks: lists of names, and folders of which nothing is annotated."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace

from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.masks.pairs import MaskPairs
from headstart.data.words import normal, plural
from headstart.lists import some_of

__all__ = ["listed_splits", "with_splits"]

_LISTS = re.compile(r"(?:^|.*/)(train|val|test)\.txt$", re.I)
_BOTH = re.compile(r"(?:^|.*/)train_?val\.txt$", re.I)


def listed_splits(tree: Tree, pairs: MaskPairs) -> tuple[MaskPairs, list[tuple[str, str]], str]:
    """Applies lists of names (``train.txt``), leaving out what has no mask and is on none."""
    lists = [(name, found[1].lower()) for name in tree.others if (found := _LISTS.match(name))]
    if "train" not in {split for _, split in lists}:
        lists += [(name, "train") for name in tree.others if _BOTH.match(name)]
    lists = [each for each in lists if "/main/" not in f"/{each[0].lower()}"]
    told: dict[str, str] = {}
    for name, split in lists:
        for line in (tree.root / name).read_text("utf-8", errors="replace").splitlines():
            first = normal(line).split()[0] if line.strip() else ""
            stem = os.path.splitext(first)[0] if "." in first[-6:] else first
            told.setdefault(stem.replace("\\", "/").rpartition("/")[2], split)
    stems = [normal(os.path.splitext(n.rpartition("/")[2])[0]) for n in pairs.images]
    hits = [told.get(stem, "") for stem in stems]
    if len(set(hits) - {""}) < 2 and not (set(hits) and len(lists) == 1 and any(hits)):
        return pairs, [], "by folders"
    kept = [row for row, hit in enumerate(hits) if hit or pairs.masks[row]]
    left = len(hits) - len(kept)
    aside = [(".", f"{plural(left, 'image')} without a mask and on no list")] if left else []
    pairs = replace(
        pairs,
        images=tuple(pairs.images[row] for row in kept),
        masks=tuple(pairs.masks[row] for row in kept),
        parts=tuple(pairs.parts[row] for row in kept),
        splits=tuple(hits[row] for row in kept),
    )
    return pairs, aside, f"by {some_of(sorted(name for name, _ in lists), 3)}"


def with_splits(dataset: Dataset) -> Dataset:
    """Takes the split from images whose split holds no mask: they are to be predicted."""
    splits, known = dataset.splits.copy(), dataset.labelled
    reading = dict(dataset.reading)
    for split in set(splits.tolist()) - {""}:
        if not known[splits == split].any():
            splits[splits == split] = ""
    counts = Counter(splits[splits != ""].tolist())
    said = ", ".join(f"{split} {count:,}" for split, count in sorted(counts.items()))
    reading["splits"] = f"{reading.get('splits') or 'as given'} ({said})" if said else "none"
    return replace(dataset, splits=splits, reading=reading)
