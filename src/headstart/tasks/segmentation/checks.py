"""What only masks can have wrong: sizes, values, classes, areas, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.sequences import check_sequences
from headstart.checks.split_classes import check_split_classes
from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.records import Finding
from headstart.tasks.segmentation.alignment import check_alignment
from headstart.tasks.segmentation.inverted import check_inverted
from headstart.tasks.segmentation.mask_sizes import check_sizes
from headstart.tasks.segmentation.numbered import check_numbered
from headstart.tasks.segmentation.small_objects import check_small_objects
from headstart.tasks.segmentation.stray_values import check_values

__all__ = ["check_masks", "masks_of"]

_FEW = 5


def masks_of(dataset: Dataset) -> Masks:
    """Returns the labels of a segmentation."""
    assert isinstance(dataset.labels, Masks), "a segmentation has masks"
    return dataset.labels


def check_masks(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what masks have wrong.

    Args:
        dataset: N items, whose labels are masks.
        stats: Their N rows.
        clusters: (N,) int; items of one cluster are the same image, or nearly so.
    """
    yield from _classes(dataset, clusters)
    yield from check_split_classes(dataset, masks_of(dataset).names, masks_of(dataset).present)
    yield from _blank(dataset)
    yield from check_values(dataset)
    yield from check_numbered(dataset)
    yield from check_sizes(dataset, stats)
    yield from check_small_objects(dataset)
    yield from check_inverted(dataset)
    yield from check_alignment(dataset)
    yield from check_sequences(dataset, stats)


def _classes(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    """Says that there is one class only, or that some are on few images."""
    labels = masks_of(dataset)
    present = labels.pixels > 0
    there = np.flatnonzero(present.any(axis=0))
    known = int(labels.known.sum())
    if known and len(there) < 2:
        name = labels.names[there[0]] if len(there) else "ignored"
        yield Finding(
            "one_class",
            "serious",
            f"Every pixel of all {plural(known, 'mask')} is {name}: nothing can be told apart.",
            first(dataset.names[i] for i in np.flatnonzero(labels.known)),
            "See that these are the masks, and that they show where something is.",
            known,
        )
        return
    few = []
    for index in there:
        on = len(np.unique(clusters[present[:, index]]))
        if on < _FEW:
            few.append(f"{labels.names[index]}: {plural(on, 'image')}")
    if few:
        yield Finding(
            "small_classes",
            "warning",
            f"{plural(len(few), 'class is', 'classes are')} on fewer than {_FEW} images (copies "
            f"not counted).",
            first(few),
            "Add images that show it: it can hardly be learned and measured both.",
            len(few),
        )


def _blank(dataset: Dataset) -> Iterator[Finding]:
    """Says which masks are of one class all over, or ignored all over."""
    labels = masks_of(dataset)
    if len(labels.names) < 2:
        return
    present = labels.pixels > 0
    alone = labels.known & (present.sum(axis=1) == 1)
    only = np.where(alone, present.argmax(axis=1), -1)
    known = int(labels.known.sum())
    for index, name in enumerate(labels.names):
        items = np.flatnonzero(only == index)
        if not len(items):
            continue
        empty = index == 0
        yield Finding(
            "empty_masks" if empty else "full_masks",
            "note" if empty else "warning",
            f"{len(items):,} of {plural(known, 'mask')} are {name} all over"
            + (" (empty masks)." if empty else "."),
            first(dataset.names[i] for i in items),
            "They count as annotated: nothing is there. Where nobody has looked yet, move the "
            "masks away." if empty else "Look at them: was one inverted, or filled by mistake?",
            len(items),
        )  # fmt: skip
    tested = np.flatnonzero(dataset.tested() & labels.known & present.any(axis=1))
    if len(tested) and only[tested[0]] >= 0 and (only[tested] == only[tested[0]]).all():
        yield Finding(
            "one_class_tested", "serious",
            f"The {dataset.test_name} masks show {labels.names[only[tested[0]]]} and nothing else: "
            f"what else there is cannot be measured.",
            first(dataset.names[i] for i in tested),
            "Test on images that show every class, or let a part be held out (--split none).",
            len(tested),
        )  # fmt: skip
    nobody = np.flatnonzero(labels.known & ~present.any(axis=1))
    if len(nobody):
        yield Finding(
            "ignored_masks",
            "warning",
            f"{len(nobody):,} of {plural(known, 'mask')} are ignored all over: nobody says what "
            f"is there.",
            first(dataset.names[i] for i in nobody),
            "Nothing is learnt from them; annotate them, or move the masks away.",
            len(nobody),
        )
