"""`class_maps`: where on the image each class is of another light or colour than all others.

An illustration, not evidence: it knows nothing of the model, and what differs may be content. A
mark that only one class has shows up as a spot, where the border test says only that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.auditing.explain import overlay
from headstart.images.thumbnails import as_jpeg
from headstart.reporting.pictures import as_source

__all__ = ["ClassMap", "class_maps", "map_pictures"]

_FEWEST, _SHOWN, _SIDE = 5, 12, 120
_STRONG = 1.0  # standard deviations that show as brightly as any
_EDGE = 1 / 6  # of the side


@dataclass(frozen=True)
class ClassMap:
    """Where one class differs most from the others.

    Attributes:
        kind: The class.
        n: Its images.
        strongest: Difference of its mean from that of all others, in standard deviations within.
        place: Where that is, in words.
        down: The same, as a share of the height.
        across: As a share of the width.
    """

    kind: str
    n: int
    strongest: float
    place: str
    down: float
    across: float


def class_maps(
    small: np.ndarray, targets: np.ndarray, kinds: tuple[str, ...]
) -> tuple[tuple[ClassMap, ...], np.ndarray, np.ndarray]:
    """Compares every place of the images of each class with that of all others.

    Args:
        small: (N, S, S, 3) uint8, whole images.
        targets: (N,) int.
        kinds: C names.

    Returns:
        Of each class that has five images the map's peak, the strongest first; in the same order
        the (K, S, S) differences in standard deviations, and the (K, S, S, 3) mean images.
    """
    values = small.astype(np.float32)
    found = []
    for kind in np.unique(targets).tolist():
        own = targets == kind
        if own.sum() < _FEWEST or (~own).sum() < _FEWEST:
            continue
        parts = (values[own], values[~own])
        apart = np.abs(parts[0].mean(axis=0) - parts[1].mean(axis=0))
        spread = np.sqrt(sum(each.var(axis=0) for each in parts) / 2)
        heat = (apart / np.maximum(spread, 2.0)).max(axis=2)  # two grey values are rounding
        row, column = np.unravel_index(int(heat.argmax()), heat.shape)
        down, across = (float(each + 0.5) / len(heat) for each in (row, column))
        peak = ClassMap(
            kinds[kind], int(own.sum()), float(heat.max()), _words(down, across), down, across
        )
        found.append((peak, heat, parts[0].mean(axis=0)))
    found.sort(key=lambda each: -each[0].strongest)
    size = small.shape[1]
    heats = np.array([each[1] for each in found]).reshape(-1, size, size)
    means = np.array([each[2] for each in found]).reshape(-1, size, size, 3)
    return tuple(each[0] for each in found), heats, means


def map_pictures(heats: np.ndarray, means: np.ndarray) -> list[str]:
    """Returns mean images, each beside the same under its map, as sources of an `img`.

    Args:
        heats: (K, S, S) differences in standard deviations.
        means: (K, S, S, 3).
    """
    pictures = []
    for heat, mean in zip(heats[:_SHOWN], means[:_SHOWN], strict=True):
        square = Image.fromarray(np.rint(mean).astype(np.uint8))
        large = np.asarray(square.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
        spot = Image.fromarray((heat / _STRONG).astype(np.float32), "F")
        hot = np.asarray(spot.resize((_SIDE, _SIDE), Image.Resampling.NEAREST))
        pictures.append(as_source(as_jpeg(overlay(large, np.clip(hot, 0, 1)))))
    return pictures


def _words(down: float, across: float) -> str:
    """Says where a place is."""
    ends = [-1 if each < _EDGE else 1 if each > 1 - _EDGE else 0 for each in (down, across)]
    rows, columns = {-1: "top", 0: "", 1: "bottom"}, {-1: "left", 0: "", 1: "right"}
    words = " ".join(filter(None, (rows[ends[0]], columns[ends[1]])))
    if all(ends):
        return f"the {words} corner"
    return f"the {words} edge" if words else "the middle"
