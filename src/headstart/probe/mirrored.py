"""Mirrored copies of the training items, of vectors that say where in the image something is.

A small image is mirrored by exchanging its columns. So are the means of a stage over regions,
nearly: networks hardly tell an image from its mirror image, and what differs is noise that a
classifier had better not lean on. So copies cost no pass of the network. Whether they help is for
what was held out to say: classes may differ by left and right.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["cell_sides", "mirror_cells"]

_CHANNELS = 3  # of a small image


def cell_sides(slices: dict[str, slice]) -> dict[str, int]:
    """Returns name -> cells a side, of the parts of a vector that are means over square cells.

    Args:
        slices: Name -> columns, as the network's information has them, from input to output.
    """
    width = {name: part.stop - part.start for name, part in slices.items()}
    stages = [name for name in slices if name.startswith("stage")]
    channels = {"pixels": _CHANNELS}
    if len(stages) > 1:
        channels["regions"] = width[stages[-2]] // 2  # of each the mean and the largest
    found = {}
    for name, count in channels.items():
        if name in width and count:
            side = math.isqrt(width[name] // count)
            if side > 1 and count * side**2 == width[name]:
                found[name] = side
    return found


def mirror_cells(vectors: np.ndarray, side: int) -> np.ndarray:
    """Returns vectors as those of the images mirrored left to right.

    Args:
        vectors: (N, C * side * side), of C channels and rows and columns of cells.
        side: Cells a side.
    """
    cells = vectors.reshape(len(vectors), -1, side, side)
    return np.ascontiguousarray(cells[..., ::-1]).reshape(vectors.shape)
