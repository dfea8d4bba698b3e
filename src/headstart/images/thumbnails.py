"""`thumbnail`: a small upright image of a file, for people to look at."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.images.decode import decode, read_bytes

__all__ = ["thumbnail"]


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
    data = io.BytesIO()
    image.save(data, "JPEG", quality=82)
    return data.getvalue()
