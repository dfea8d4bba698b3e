"""How large images are and how they are turned, by their first bytes alone."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["image_sizes", "turn_corners"]

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


def image_sizes(paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Reads the headers of images.

    Args:
        paths: N files.

    Returns:
        (N, 2) int64 width and height of the upright images, zeros where a file cannot be read; and
        (N,) int64 EXIF's orientation, 1 where there is none.
    """
    if not paths:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = np.array(list(pool.map(_header, paths)), np.int64)
    return found[:, :2], found[:, 2]


def _header(path: Path) -> tuple[int, int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                turned = image.getexif().get(_ORIENTATION, 1)
                width, height = image.size
    except Exception:  # Pillow's readers raise nearly anything on damaged files
        return 0, 0, 1
    turned = turned if isinstance(turned, int) and 1 <= turned <= 8 else 1
    return (height, width, turned) if turned in _SIDEWAYS else (width, height, turned)


def turn_corners(corners: np.ndarray, orientation: int, size: tuple[int, int]) -> np.ndarray:
    """Returns boxes on an image as it is stored as boxes on the upright image.

    Args:
        corners: (K, 4) left, top, right, bottom.
        orientation: EXIF's, 1 to 8.
        size: Width and height of the upright image.
    """
    wide, high = size
    if orientation in _SIDEWAYS:
        corners = corners[:, [1, 0, 3, 2]]  # mirrored along the main diagonal
    across = orientation in (2, 3, 6, 7)
    down = orientation in (3, 4, 7, 8)
    left, top, right, bottom = corners.T
    left, right = (wide - right, wide - left) if across else (left, right)
    top, bottom = (high - bottom, high - top) if down else (top, bottom)
    return np.stack([left, top, right, bottom], axis=1)
