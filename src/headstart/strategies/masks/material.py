"""`MaskMaterial`: the masks of a data set as a network's output shows them, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from headstart.compute import Compute
from headstart.data.masks.masks import Masks
from headstart.images.preprocess import Preprocess
from headstart.images.threads import ordered_map
from headstart.probe.dense_targets import cell_shares, mask_square, shares_of
from headstart.strategies.problem import Prepared

__all__ = ["MaskMaterial", "read_masks"]

# Choosing looks at no larger squares than this: every second pixel says as much as every one.
_JUDGED = 256


@dataclass(frozen=True)
class MaskMaterial:
    """The masks of some items.

    Attributes:
        items: (N,) int, of the data set.
        preprocess: How images are fitted.
        stride: Pixels of the input in a cell of `fine`.
        fine: (N, C, h, w) uint8 of 255: the share of each class in each cell.
        truth: (N, side, side) uint8 classes on the input's square, 255 where nothing is known.
    """

    items: np.ndarray
    preprocess: Preprocess
    stride: int
    fine: np.ndarray
    truth: np.ndarray

    @property
    def n_classes(self) -> int:
        """C."""
        return int(self.fine.shape[1])

    def shares(self, stride: int) -> np.ndarray:
        """Returns (N, C, h, w) uint8 shares at a stride that `stride` divides."""
        return self.fine if stride == self.stride else cell_shares(self.fine, stride // self.stride)


def read_masks(
    prepared: Prepared, items: np.ndarray, preprocess: Preprocess, stride: int, compute: Compute
) -> MaskMaterial:
    """Reads the masks of some items.

    Args:
        prepared: The usable items.
        items: (N,) int.
        preprocess: How images are fitted.
        stride: Of the finest cells that are wanted.
        compute: Who hears of progress.
    """
    masks, size = cast(Masks, prepared.dataset.labels), preprocess.size
    classes, stats = len(masks.names), prepared.stats
    sides = np.maximum(stats.widths[items], stats.heights[items])
    side = int(min(_JUDGED, max(size, np.median(sides))))
    square = Preprocess(size=side, geometry=preprocess.geometry)

    def read(item: int) -> tuple[np.ndarray, np.ndarray]:
        mask, width, height = masks.read(item), int(stats.widths[item]), int(stats.heights[item])
        at = preprocess.matrix(width, height)
        shares = cell_shares(shares_of(mask, at, size, width, height, classes), stride)
        return shares, mask_square(mask, square.matrix(width, height), side, width, height)

    fine = np.empty((len(items), classes, size // stride, size // stride), np.uint8)
    truth = np.empty((len(items), side, side), np.uint8)
    results = ordered_map(read, items.tolist(), workers=compute.workers)
    for at, (shares, square_of) in enumerate(results):
        fine[at], truth[at] = shares, square_of
        compute.progress("reading the masks", at + 1, len(items))
    return MaskMaterial(items, preprocess, stride, fine, truth)
