"""Annotations of images of another size, or of images that their camera had turned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.records import Finding
from headstart.tasks.detection.found_boxes import boxes_of, largest_regions

__all__ = ["check_annotated_sizes"]


def check_annotated_sizes(dataset: Dataset) -> Iterator[Finding]:
    """Yields images whose annotation is of another size, or may be of the photo unturned."""
    labels = boxes_of(dataset)
    stated, sizes, turned = labels.stated, labels.sizes, labels.turned
    told = labels.annotated & (stated > 0).all(axis=1) & (sizes > 0).all(axis=1)
    other = told & (stated != sizes).any(axis=1) & (turned != 1)
    swapped = other & (stated == sizes[:, ::-1]).all(axis=1)
    shape = np.abs(np.log(np.maximum(stated, 1) / np.maximum(sizes, 1)) @ [1, -1])
    scaled = other & ~swapped & (shape < 0.02)
    rest = other & ~swapped & ~scaled
    for check, mask, what, remedy in (
        ("annotated_size_swapped", swapped, "the width and height of the file swapped",
         "Was the photo turned after it was annotated? Annotate it again, or turn the boxes."),
        ("annotated_size", scaled, "another size than the file has, of the same shape",
         "Was the image resized after it was annotated? Scale the boxes, or give the images that "
         "were annotated."),
        ("annotated_size_and_shape", rest, "another size and shape than the file has",
         "See that the annotation is of this image, and not of a cropped or other one."),
    ):  # fmt: skip
        if mask.any():
            yield Finding(
                check, "serious",
                f"{plural(int(mask.sum()), 'annotation states', 'annotations state')} {what}; the "
                f"boxes were taken as they are.",
                first(
                    f"{dataset.names[i]} ({stated[i, 0]} x {stated[i, 1]} stated, "
                    f"{sizes[i, 0]} x {sizes[i, 1]} is the image)"
                    for i in np.flatnonzero(mask)
                ),
                remedy, int(mask.sum()), largest_regions(dataset, np.flatnonzero(mask)),
            )  # fmt: skip
    along = np.flatnonzero(labels.annotated & (turned == 1))
    if len(along):
        yield Finding(
            "boxes_turned", "warning",
            f"{plural(len(along), 'photo was', 'photos were')} annotated as stored, by the size "
            f"that is stated, and EXIF turns them: the boxes were turned along.",
            first(dataset.names[i] for i in along),
            "Look at them on the page (-o), where the largest box is framed; nothing must be done "
            "if it is right.",
            len(along), largest_regions(dataset, along),
        )  # fmt: skip
    doubt = np.flatnonzero(labels.annotated & (turned == 3) & (labels.counts > 0))
    if len(doubt):
        yield Finding(
            "turned_images", "warning",
            f"EXIF turns {plural(len(doubt), 'photo')}, and nothing says whether the boxes are of "
            f"the photo upright or as stored: upright was taken.",
            first(dataset.names[i] for i in doubt),
            "Look at some of them. If the boxes are wrong, turn the files themselves upright (as "
            "exiftran or mogrify -auto-orient do) and annotate them again.",
            len(doubt), largest_regions(dataset, doubt),
        )  # fmt: skip
