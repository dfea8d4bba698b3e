"""Thumbnails in a page, and which images a finding is about."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Collection
from pathlib import Path

from headstart.errors import HeadstartError
from headstart.images.decode import decode, read_bytes

__all__ = ["images_of", "thumbnail"]


def thumbnail(path: Path, *, side: int = 144) -> str | None:
    """Returns a small JPEG as text for an `img`; None where the file is no readable image.

    Args:
        path: The file.
        side: Longest side in pixels.
    """
    from PIL import Image

    try:
        image = Image.fromarray(decode(read_bytes(path), short_side=side).pixels)
    except HeadstartError:
        return None
    image.thumbnail((side, side))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def images_of(evidence: str, known: Collection[str]) -> list[str]:
    """Returns the images that one line of evidence names, such as ``a.jpg = b.jpg (30 x 4)``.

    Args:
        evidence: Of a `Finding`.
        known: Names of all images.
    """
    if evidence in known:
        return [evidence]
    found = []
    for part in re.split(r" [=~] ", evidence):
        for name in (part, part.rpartition(" (")[0], part.partition(": ")[0]):
            if name in known:
                found.append(name)
                break
    return found
