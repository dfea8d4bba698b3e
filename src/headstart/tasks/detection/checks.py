"""What only boxes can have wrong: their shapes, their labels, their images, and what is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from headstart.checks.sequences import check_sequences
from headstart.checks.split_classes import check_split_classes
from headstart.checks.wording import first
from headstart.data.annotations.place_images import NO_IMAGE
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.records import Finding
from headstart.tasks.detection.annotated_sizes import check_annotated_sizes
from headstart.tasks.detection.box_copies import check_copies
from headstart.tasks.detection.box_shapes import (
    check_odd_shapes,
    check_shapes,
    check_small_boxes,
)
from headstart.tasks.detection.found_boxes import boxes_of

__all__ = ["check_boxes"]

_FEW = 5


def check_boxes(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields what boxes have wrong, each by file name.

    Args:
        dataset: N items, whose labels are boxes.
        stats: Their N rows.
        clusters: (N,) int; items of one cluster are the same image, or nearly so.
    """
    yield from check_shapes(dataset)
    yield from check_annotated_sizes(dataset)
    yield from check_copies(dataset)
    yield from _spellings(dataset)
    yield from _flaws(dataset)
    yield from _numbers(dataset)
    yield from _coverage(dataset)
    yield from _small_classes(dataset, clusters)
    yield from _classes_of_splits(dataset)
    yield from check_small_boxes(dataset)
    yield from check_odd_shapes(dataset)
    yield from check_sequences(dataset, stats)


def _images_with(dataset: Dataset, index: int) -> list[str]:
    rows = np.flatnonzero(boxes_of(dataset).tallies[:, index])
    return [dataset.names[i] for i in rows]


def _spellings(dataset: Dataset) -> Iterator[Finding]:
    """Says which labels differ by case, blanks or signs only, and where the rarer ones are."""
    labels = boxes_of(dataset)
    kinds: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(labels.names):
        kinds[re.sub(r"[\W_]+", "", name).casefold() or name].append(index)
    totals = labels.tallies.sum(axis=0)
    lines, count = [], 0
    for same in kinds.values():
        if len(same) < 2:
            continue
        common = max(same, key=lambda index: totals[index])
        for index in same:
            if index != common:
                count += int(totals[index])
                lines += [
                    f"{name} ({labels.names[index]!r}, elsewhere {labels.names[common]!r})"
                    for name in _images_with(dataset, index)
                ]
    if lines:
        yield Finding(
            "similar_class_names", "serious",
            f"{plural(count, 'box has a label', 'boxes have labels')} that differs from a more "
            f"frequent one by case, blanks or signs only, and is a class of its own so.",
            first(lines), "Write them alike, if they mean the same.", count,
        )  # fmt: skip


def _flaws(dataset: Dataset) -> Iterator[Finding]:
    flaws = boxes_of(dataset).flaws
    found = [f"{dataset.names[i]}: {flaw}" for i, flaw in enumerate(flaws) if flaw]
    if found:
        yield Finding(
            "mended_annotations", "note",
            f"{plural(len(found), 'annotation was', 'annotations were')} mended to be read.",
            first(found), "See that this is what was meant.", len(found),
        )  # fmt: skip


def _numbers(dataset: Dataset) -> Iterator[Finding]:
    """Says that the files number classes with gaps: other tools ask for their largest number."""
    ids = sorted(boxes_of(dataset).ids)
    if ids and (ids[0] not in (0, 1) or ids != list(range(ids[0], ids[0] + len(ids)))):
        yield Finding(
            "class_numbers", "note",
            f"The classes are numbered with gaps in the files ({', '.join(map(str, ids[:12]))}"
            f"{', …' if len(ids) > 12 else ''}).",
            (), "Nothing must be done here, where classes go by their names; other tools may "
            "count classes by their largest number.", len(ids),
        )  # fmt: skip


def _coverage(dataset: Dataset) -> Iterator[Finding]:
    """Says which images have no annotation, which an empty one, and which annotations no image."""
    labels = boxes_of(dataset)
    without = np.flatnonzero(~labels.annotated)
    if len(without):
        yield Finding(
            "images_without_annotation", "warning",
            f"{plural(len(without), 'image has', 'images have')} no annotation, and "
            f"{'is' if len(without) == 1 else 'are'} left out: nobody says that nothing is there.",
            first(dataset.names[i] for i in without),
            "Annotate them; where nothing is on them, give them an annotation without boxes (an "
            "empty text file, an XML file without objects, a row without numbers).",
            len(without),
        )  # fmt: skip
    empty = np.flatnonzero(labels.annotated & (labels.counts == 0))
    if len(empty):
        yield Finding(
            "empty_images", "note",
            f"Nothing is on {plural(len(empty), 'image')}, as the annotation says.",
            first(dataset.names[i] for i in empty),
            "They teach what background is. Where nobody has looked yet, take the empty "
            "annotations away.", len(empty),
        )  # fmt: skip
    lost = [name for name, why in dataset.set_aside if why == NO_IMAGE]
    if lost:
        yield Finding(
            "annotations_without_image", "warning",
            f"{plural(len(lost), 'annotation belongs', 'annotations belong')} to no image.",
            first(lost), "Add the images, or see whether they were renamed.", len(lost),
        )  # fmt: skip


def _small_classes(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    labels = boxes_of(dataset)
    there = labels.tallies > 0
    few = []
    for index, name in enumerate(labels.names):
        on = len(np.unique(clusters[there[:, index]]))
        if on < _FEW:
            boxes = plural(int(labels.tallies[:, index].sum()), "box", "boxes")
            some = ", ".join(_images_with(dataset, index)[:3])
            few.append(f"{name}: {boxes} on {plural(on, 'image')} ({some})")
    if few:
        yield Finding(
            "small_classes", "warning",
            f"{plural(len(few), 'class is', 'classes are')} on fewer than {_FEW} images (copies "
            f"not counted).",
            first(few), "Add images that show it: it can hardly be learned and measured both.",
            len(few),
        )  # fmt: skip


def _classes_of_splits(dataset: Dataset) -> Iterator[Finding]:
    """Says which classes a given train or test has and the other lacks, and on which images."""
    labels, test = boxes_of(dataset), dataset.tested()
    if not test.any():
        return
    held = dataset.test_name
    yield from check_split_classes(dataset, labels.names, labels.tallies > 0)
    if not labels.tallies[test].any():
        yield Finding(
            "nothing_to_test", "serious",
            f"There is no object on any {held} image: nothing can be measured.",
            first(dataset.names[i] for i in np.flatnonzero(test)),
            f"Give the {held} images with objects.", int(test.sum()),
        )  # fmt: skip
