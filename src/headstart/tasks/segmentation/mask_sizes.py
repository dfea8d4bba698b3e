"""Masks of another size than their images: scaled, or of another thing?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.data.words import plural
from headstart.images.colours import orientation_of
from headstart.images.stats import ImageStats
from headstart.records import Finding

__all__ = ["check_sizes"]

_ASPECT = 0.015
_ROUNDED = 1.5  # pixels that a side may be off by after scaling


def check_sizes(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    """Yields masks of another size, of another shape, and on their side.

    Args:
        dataset: N items.
        stats: Their N rows.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    known = labels.known & stats.readable & (labels.sizes > 0).all(axis=1)
    wide, high = labels.sizes.T.astype(float)
    width, height = stats.widths.astype(float), stats.heights.astype(float)
    other = known & ((wide != width) | (high != height))
    odd = other & _unlike(wide, high, width, height)
    swapped = odd & ~_unlike(high, wide, width, height)
    turned = np.array([bool(s) and _is_turned(dataset, i) for i, s in enumerate(swapped)], bool)
    plain = odd & ~turned

    def shown(items: np.ndarray) -> tuple[str, ...]:
        return first(
            f"{dataset.names[i]}: {stats.widths[i]} x {stats.heights[i]}, its mask "
            f"{labels.sizes[i, 0]} x {labels.sizes[i, 1]}"
            for i in np.flatnonzero(items)
        )

    if turned.any():
        yield Finding(
            "masks_not_turned",
            "serious",
            f"{plural(int(turned.sum()), 'image is', 'images are')} turned upright by EXIF, and "
            f"the masks are not: these lie on their side.",
            shown(turned),
            "Write the images anew as they are shown, or without EXIF if the masks were drawn so.",
            int(turned.sum()),
        )
    if plain.any():
        yield Finding(
            "masks_of_another_shape",
            "serious" if plain.sum() > known.sum() / 20 else "warning",
            f"{plural(int(plain.sum()), 'mask has', 'masks have')} another shape than the image, "
            f"and would be stretched over it.",
            shown(plain),
            "See that they are the masks of these images, and were not cropped or turned.",
            int(plain.sum()),
        )
    scaled = other & ~odd
    if scaled.any():
        larger = int((scaled & (wide > width)).sum())
        sides = f"{larger:,} of them larger" if larger else "all of them smaller"
        yield Finding(
            "scaled_masks",
            "note",
            f"{int(scaled.sum()):,} of {plural(int(known.sum()), 'mask')} are of another size than "
            f"their images ({sides}): they are scaled by nearest neighbour.",
            shown(scaled),
            "Nothing must be done; boundaries are as sharp as the smaller of the two.",
            int(scaled.sum()),
        )


def _unlike(
    wide: np.ndarray, high: np.ndarray, width: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """Returns (N,) bool: whether two shapes differ by more than rounding."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(wide * height / (high * width) - 1)
        rounding = _ROUNDED / np.minimum(np.minimum(wide, high), np.minimum(width, height))
    return np.asarray(ratio > np.maximum(_ASPECT, rounding))


def _is_turned(dataset: Dataset, item: int) -> bool:
    try:
        with Image.open(dataset.path(item)) as image:
            return orientation_of(image) >= 5
    except OSError:
        return False
