"""`thumbnail`: a small upright image of a file, for people to look at."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from headstart.images.decode import decode, read_bytes

__all__ = ["thumbnail"]


def thumbnail(path: Path, side: int) -> bytes:
    """Returns a JPEG of an image, as small as asked for.

    Args:
        path: The file.
        side: Longest side in pixels.

    Raises:
        ImageError: If it cannot be read as an image.
    """
    image = Image.fromarray(decode(read_bytes(path), short_side=side).pixels)
    image.thumbnail((side, side))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=82)
    return data.getvalue()
