"""How the values of masks look: in how many pieces, where, how large and of which colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.data.masks.masks import IGNORED, Masks
from headstart.errors import HeadstartError
from headstart.images.decode import decode, read_bytes
from headstart.images.threads import ordered_map
from headstart.tasks.segmentation.regions import count_regions

__all__ = ["Things", "look_at_things"]

_SIDE = 128
_MOST = 80  # masks that are looked at
_FEWEST = 5  # masks that hold two values, from which on a difference between them counts


@dataclass(frozen=True)
class Things:
    """K values on M masks, looked at in 128 x 128; NaN where a value is not there.

    Attributes:
        pieces: (M, K) connected regions; 0 where it is not there.
        touched: (M, K) share of its outline that is another value's.
        starts: (M, K) its first pixel, row by row from the top.
        traits: (M, K, 6) logarithm of its size, centre across and down, red, green, blue.
    """

    pieces: np.ndarray
    touched: np.ndarray
    starts: np.ndarray
    traits: np.ndarray

    def around(self) -> float:
        """Returns how much of its outline the value that is most within others has of these."""
        kept = [column[~np.isnan(column)] for column in self.touched.T]
        return max((float(np.median(each)) for each in kept if len(each)), default=0.0)

    def from_the_top(self) -> bool:
        """Whether each value begins below those before it, as programs number things."""
        return not (np.diff(self.starts, axis=1) < 0).any()

    def scatter(self) -> float:
        """Returns how far values lie about across the image: the mean deviation of their places."""
        return float(np.nanstd(self.traits[:, :, 1], axis=0).mean())

    def told_apart(self, fewest: int = _FEWEST) -> np.ndarray:
        """Returns (6,) by how many standard errors each trait tells two values apart, at most.

        Args:
            fewest: Masks that must hold both for a difference to count.
        """
        found = np.zeros(self.traits.shape[2])
        for one in range(self.traits.shape[1]):
            for other in range(one):
                apart = self.traits[:, one] - self.traits[:, other]
                apart = apart[~np.isnan(apart).any(axis=1)]
                if len(apart) >= fewest:
                    error = apart.std(axis=0, ddof=1) / np.sqrt(len(apart))
                    found = np.maximum(found, np.abs(apart.mean(axis=0)) / np.maximum(error, 1e-3))
        return found


def look_at_things(dataset: Dataset, items: np.ndarray, classes: Sequence[int]) -> Things | None:
    """Looks at some classes on up to 80 masks and their images; None where none can be read.

    Args:
        dataset: N items, whose labels are masks.
        items: (M,) int those that hold some of the classes.
        classes: K indices.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    items = items[np.unique(np.linspace(0, len(items) - 1, min(_MOST, len(items))).astype(int))]

    def look(item: int) -> tuple[np.ndarray, ...] | None:
        try:
            pixels = decode(read_bytes(dataset.path(item)), short_side=_SIDE).pixels
            mask = labels.read(item, (_SIDE, _SIDE))
        except HeadstartError:  # unreadable ones are named elsewhere
            return None
        small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return _of_mask(mask, np.asarray(small, np.float32) / 255, classes)

    found = [each for each in ordered_map(look, items.tolist()) if each is not None]
    return Things(*map(np.stack, zip(*found, strict=True))) if found else None


def _of_mask(mask: np.ndarray, pixels: np.ndarray, classes: Sequence[int]) -> tuple:
    pieces = count_regions(mask, IGNORED)[list(classes)].astype(float)
    touched, starts = np.full((2, len(classes)), np.nan)
    traits = np.full((len(classes), 6), np.nan)
    for at, index in enumerate(classes):
        here = mask == index
        rows, columns = np.nonzero(here)
        if not len(rows):
            pieces[at] = 0
            continue
        ring = np.zeros_like(here)
        ring[1:] |= here[:-1]
        ring[:-1] |= here[1:]
        ring[:, 1:] |= here[:, :-1]
        ring[:, :-1] |= here[:, 1:]
        ring &= ~here
        touched[at] = float(np.isin(mask[ring], classes).mean()) if ring.any() else 1.0
        starts[at] = float(rows[0] * _SIDE + columns[0])
        place = columns.mean() / _SIDE, rows.mean() / _SIDE
        traits[at] = np.log(len(rows)), *place, *pixels[here].mean(axis=0)
    return pieces, touched, starts, traits
