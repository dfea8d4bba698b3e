"""`thumbnail`: a small upright image of a file, or of a part of it, for people to look at."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.images.decode import decode, read_bytes

__all__ = ["as_jpeg", "region_thumbnail", "thumbnail"]

_AROUND = 0.75  # of the longer side of a region is shown on every side of it
_COLOUR = (255, 64, 32)


def thumbnail(
    path: Path, side: int, *, draw: Callable[[np.ndarray], np.ndarray] | None = None
) -> bytes:
    """Returns a JPEG of an image, as small as asked for.

    Args:
        path: The file.
        side: Longest side in pixels.
        draw: Takes and returns (H, W, 3) uint8: the small image and what is drawn of it.

    Raises:
        ImageError: If it cannot be read as an image.
    """
    image = Image.fromarray(decode(read_bytes(path), short_side=side).pixels)
    image.thumbnail((side, side))
    if draw is not None:
        image = Image.fromarray(draw(np.asarray(image)))
    return as_jpeg(image)


def region_thumbnail(path: Path, side: int, region: tuple[float, float, float, float]) -> bytes:
    """Returns a JPEG of a part of an image with what is around it; a frame says where it is.

    Args:
        path: The file.
        side: Sides of the square in pixels.
        region: Left, top, right and bottom in pixels of the upright image; it may lie beyond it,
            have no area, or its sides in the wrong order.

    Raises:
        ImageError: If it cannot be read as an image.
    """
    image = Image.fromarray(decode(read_bytes(path)).pixels)
    left, right = sorted((region[0], region[2]))
    top, bottom = sorted((region[1], region[3]))
    wide, high = image.size
    # What lies far away is shown at the edge of the image that is next to it.
    left, right = (min(max(each, -wide / 4), 1.25 * wide) for each in (left, right))
    top, bottom = (min(max(each, -high / 4), 1.25 * high) for each in (top, bottom))
    longest = max(right - left, bottom - top, 24.0)
    half = longest * (0.5 + _AROUND)
    across, down = (left + right) / 2, (top + bottom) / 2
    corner = (across - half, down - half)
    scale = side / (2 * half)
    part = image.transform(
        (side, side), Image.Transform.AFFINE, (1 / scale, 0, corner[0], 0, 1 / scale, corner[1]),
        Image.Resampling.BILINEAR, fillcolor=(160, 160, 160),
    )  # fmt: skip
    frame = [(x - corner[0]) * scale for x in (left, right)]
    frame += [(y - corner[1]) * scale for y in (top, bottom)]
    ImageDraw.Draw(part).rectangle((frame[0], frame[2], frame[1], frame[3]), None, _COLOUR, 2)
    return as_jpeg(part)


def as_jpeg(image: Image.Image) -> bytes:
    """Returns an image as the bytes of a JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=82)
    return data.getvalue()
