"""Objects that are too small to be seen at the size that a network sees."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.duplicates import components
from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import IGNORED, Masks, scale_nearest
from headstart.errors import DataError
from headstart.images.threads import ordered_map
from headstart.records import Finding

__all__ = ["areas_of_objects", "check_small_objects"]

_INPUT = 256
_TINY = 8.0  # pixels of the input
_MOST = 100
_LARGEST = 1024  # pixels of the longer side that is looked at
_SHARE = 0.25


def check_small_objects(dataset: Dataset) -> Iterator[Finding]:
    """Yields classes whose objects are mostly smaller than 8 pixels at an input of 256 pixels.

    Up to 100 masks are looked at. Specks beside larger objects are not counted where they are few.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    items = np.flatnonzero((labels.pixels > 0).sum(axis=1) > 1)
    items = items[np.linspace(0, len(items) - 1, min(_MOST, len(items))).astype(int)]

    def look(item: int) -> tuple[np.ndarray, np.ndarray]:
        try:
            mask = labels.read(item)
        except DataError:
            return np.zeros(0, np.uint8), np.zeros(0)
        longer = max(mask.shape)
        if longer > _LARGEST:
            sides = [max(1, round(side * _LARGEST / longer)) for side in mask.shape]
            mask = scale_nearest(mask, (sides[1], sides[0]))
        kinds, areas = areas_of_objects(mask)
        return kinds, areas * (_INPUT / max(mask.shape)) ** 2

    count = np.zeros(len(labels.names), np.int64)
    tiny = np.zeros(len(labels.names), np.int64)
    lost: dict[int, list[str]] = {}
    for item, (kinds, areas) in zip(items.tolist(), ordered_map(look, items.tolist()), strict=True):
        for kind in set(kinds.tolist()) - {0, IGNORED}:
            own = areas[kinds == kind]
            count[kind] += len(own)
            tiny[kind] += int((own < _TINY).sum())
            if (own < _TINY).all():
                lost.setdefault(kind, []).append(dataset.names[item])
    bad = [kind for kind in range(len(count)) if tiny[kind] > _SHARE * max(1, count[kind])]
    shown = [kind for kind in bad if lost.get(kind)]
    if shown:
        yield Finding(
            "tiny_objects",
            "warning",
            f"At an input of {_INPUT} pixels many objects are smaller than {_TINY:.0f} pixels: "
            + ", ".join(f"{tiny[k]:,} of {count[k]:,} of {labels.names[k]}" for k in shown)
            + f" ({len(items):,} masks looked at).",
            first(f"{name}: {labels.names[k]}" for k in shown for name in lost[k]),
            "Choose a larger --image-size, or tiles at full resolution.",
            int(tiny[shown].sum()),
        )


def areas_of_objects(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the class and the area in pixels of each connected object, (K,) both.

    Pixels of one class are connected where they share a side. Runs along the rows are joined with
    those of the row above that they touch.

    Args:
        mask: (H, W) uint8 class indices.
    """
    starts = np.ones(mask.shape, bool)
    starts[:, 1:] = mask[:, 1:] != mask[:, :-1]
    runs = np.cumsum(starts).reshape(mask.shape) - 1
    kinds = mask[starts]
    lengths = np.bincount(runs.ravel(), minlength=len(kinds))
    same = mask[1:] == mask[:-1]
    same[:, 1:] &= starts[1:, 1:] | starts[:-1, 1:] | ~same[:, :-1]
    edges = np.stack([runs[:-1][same], runs[1:][same]], axis=1)
    number = components(edges, len(kinds))
    areas = np.bincount(number, lengths)
    classes = np.zeros(len(areas), np.uint8)
    classes[number] = kinds
    return classes, areas
