"""Images in a page, and which images a finding is about."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from pathlib import Path

from headstart.errors import HeadstartError
from headstart.images.thumbnails import region_thumbnail, thumbnail

__all__ = ["as_source", "images_of", "picture_of"]

_SIDE = 144


def as_source(jpeg: bytes) -> str:
    """Returns a JPEG as the text that an `img` takes for its source."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def picture_of(path: Path, region: tuple[float, float, float, float] | None = None) -> str | None:
    """Returns a thumbnail as the source of an `img`; None where the file is no readable image.

    Args:
        path: Of the image.
        region: The part that is shown, with a frame and what is around it; None for all.
    """
    try:
        if region is not None:
            return as_source(region_thumbnail(path, _SIDE, region))
        return as_source(thumbnail(path, _SIDE))
    except HeadstartError:
        return None


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
        ends = part.rpartition(" (")[0], part.partition(" (")[0], part.partition(": ")[0]
        for name in (part, *ends):
            if name in known:
                found.append(name)
                break
    return found
