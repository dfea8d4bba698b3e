"""`BoxWarp`: how training images and the boxes on them are varied, in one resampling.

Scale, shift and mirroring keep boxes upright, so that a box that moves stays a box of its object.
Pixels are shrunk as everywhere else (Pillow, antialiased): what a network learns from looks like
what it will see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.images.geometry import map_boxes, visible_share
from headstart.nets.boxes.loss import NO_BOX, UNKNOWN

__all__ = ["BoxWarp", "pad_boxes", "warp_boxes"]

_LEAST = 2.0  # pixels of a side below which nothing can be told of an object


@dataclass(frozen=True)
class BoxWarp:
    """How much is varied.

    Attributes:
        size: Side of the result in pixels.
        low: Smallest factor of enlarging.
        high: Largest.
        shift: Largest way to each side, in sides, beyond what enlarging and shrinking leave room
            for.
        mirror: Left and right are exchanged half of the time.
        upside: Up and down too: of what has no upright, as under a microscope.
        saturation: Largest change of saturation.
        value: Largest change of brightness.
        visible: Share of a box that must be left for it to stay one of its class.
        fill: Colour of what lies outside.
    """

    size: int
    low: float = 0.6
    high: float = 1.5
    shift: float = 0.05
    mirror: bool = True
    upside: bool = False
    saturation: float = 0.4
    value: float = 0.3
    visible: float = 0.4
    fill: tuple[int, int, int] = (114, 114, 114)

    def matrix(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the (2, 3) map from pixels of a square to pixels of the result.

        Args:
            side: Of the square.
            rng: What is drawn.
        """
        zoom = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        across, down = rng.uniform(-1, 1, 2)
        turned, upset = rng.random(2) < 0.5
        scale = zoom * self.size / side
        # Enlarged, any part is shown; shrunk, it lies anywhere.
        room = self.size * (abs(zoom - 1) / 2 + self.shift)
        x, y = ((self.size * (1 - zoom)) / 2 + way * room for way in (across, down))
        found = np.array([[scale, 0.0, x], [0.0, scale, y]])
        if turned and self.mirror:
            found[0] = [-scale, 0.0, self.size - x]
        if upset and self.upside:
            found[1] = [0.0, -scale, self.size - y]
        return found


def warp_boxes(
    square: np.ndarray,
    boxes: np.ndarray,
    classes: np.ndarray,
    warp: BoxWarp,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Varies an image and the boxes on it by one draw.

    Args:
        square: (side, side, 3) uint8.
        boxes: (n, 4) left, top, right, bottom in pixels of it.
        classes: (n,) int, or `UNKNOWN`.
        warp: How much.
        rng: What is drawn.

    Returns:
        (size, size, 3) uint8, (m, 4) float32 boxes in its pixels, and (m,) int64 classes: `UNKNOWN`
        of a box of which too little is left. What has left the image is gone.
    """
    matrix = warp.matrix(len(square), rng)
    image = _moved(square, matrix, warp)
    colours = rng.uniform(-1, 1, 2)
    image = _coloured(image, 1 + warp.saturation * colours[0], 1 + warp.value * colours[1])
    moved = map_boxes(matrix, boxes)
    share = visible_share(moved, warp.size, warp.size)
    inside = np.clip(moved, 0, warp.size)
    sides = (inside[:, 2:] - inside[:, :2]).min(axis=1, initial=np.inf)
    kinds = np.where((share >= warp.visible) & (sides >= _LEAST), classes, UNKNOWN).astype(np.int64)
    seen = (share > 0) & (sides > 0)
    return image, inside[seen].astype(np.float32), kinds[seen]


def _moved(square: np.ndarray, matrix: np.ndarray, warp: BoxWarp) -> np.ndarray:
    """Returns the (size, size, 3) uint8 that a map without a turn shows of a square."""
    side, size = len(square), warp.size
    if matrix[0, 0] < 0:
        square = square[:, ::-1]
        matrix = matrix + np.array([[0, 0, matrix[0, 0] * side], [0, 0, 0]])
    if matrix[1, 1] < 0:
        square = square[::-1]
        matrix = matrix + np.array([[0, 0, 0], [0, 0, matrix[1, 1] * side]])
    scale = abs(matrix[0, 0])
    found = np.empty((size, size, 3), np.uint8)
    found[:] = warp.fill
    spans = []
    for shift in matrix[:, 2]:
        first, last = max(0, round(shift)), min(size, round(shift + scale * side))
        spans.append((first, last, (first - shift) / scale, (last - shift) / scale))
    (left, right, a, c), (top, bottom, b, d) = spans
    if right > left and bottom > top:
        box = (max(a, 0.0), max(b, 0.0), min(c, float(side)), min(d, float(side)))
        part = Image.fromarray(np.ascontiguousarray(square)).resize(
            (right - left, bottom - top), Image.Resampling.BILINEAR, box=box
        )
        found[top:bottom, left:right] = np.asarray(part)
    return found


def _coloured(image: np.ndarray, saturation: float, value: float) -> np.ndarray:
    pixels = image.astype(np.float32)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    changed = (grey[..., None] * (1 - saturation) + pixels * saturation) * value
    return np.asarray(np.clip(np.rint(changed), 0, 255).astype(np.uint8))


def pad_boxes(rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the boxes of n images as arrays of one width.

    Args:
        rows: ((m, 4) boxes, (m,) classes) of each.

    Returns:
        (n, M, 4) float32 and (n, M) int64, `NO_BOX` where there is no box; M is at least 1.
    """
    most = max([1, *(len(classes) for _, classes in rows)])
    boxes = np.zeros((len(rows), most, 4), np.float32)
    classes = np.full((len(rows), most), NO_BOX, np.int64)
    for at, (own, kinds) in enumerate(rows):
        boxes[at, : len(kinds)], classes[at, : len(kinds)] = own, kinds
    return boxes, classes
