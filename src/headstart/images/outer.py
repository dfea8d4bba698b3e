"""`outer_properties`: what an image is like from outside: light, colour, border, file, camera.

None of it is what the image shows, and much of it may tell one class from another all the same.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.images.decode import decode
from headstart.images.stats import STATS_SIDE

__all__ = ["NUMBERS", "OUTER_SIDE", "SEVERAL", "WORDS", "OuterProperties", "outer_properties"]

NUMBERS = (
    "brightness", "colour", "contrast", "sharpness", "size", "bytes a pixel", "border", "corners",
    "date",
)  # fmt: skip
"""Properties that are numbers, or several."""

WORDS = ("file format", "colour mode", "JPEG tables", "camera", "software")
"""Properties that are words."""

SEVERAL = frozenset({"bytes a pixel", "corners", "JPEG tables"})
"""Properties that are spoken of as many."""

OUTER_SIDE = 24
"""Side of an image that shows where it is light."""

_CORNER, _RING = 0.035, 0.06  # of the shorter side
_MAKE, _MODEL, _SOFTWARE, _TAKEN, _CHANGED, _EXIF = 0x010F, 0x0110, 0x0131, 0x9003, 0x0132, 0x8769


@dataclass(frozen=True)
class OuterProperties:
    """What one image is like from outside.

    Attributes:
        numbers: Name of `NUMBERS` -> its (K,) values; NaN where not known.
        words: Name of `WORDS` -> its value; empty where not known.
        small: (24, 24, 3) uint8, the whole image.
    """

    numbers: dict[str, np.ndarray]
    words: dict[str, str]
    small: np.ndarray


def outer_properties(data: bytes) -> OuterProperties:
    """Measures one file, decoded small.

    Args:
        data: The whole file.

    Raises:
        ImageError: If it cannot be decoded.
    """
    decoded = decode(data, short_side=STATS_SIDE)
    pixels = decoded.pixels.astype(np.float32)
    grey = pixels.mean(axis=2)
    mean = pixels.mean(axis=(0, 1))
    spread = float(grey.std())
    bend = (
        grey[1:-1, 1:-1] * 4 - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    )
    words, date = _of_file(data)
    area = max(decoded.width * decoded.height, 1)
    numbers = {
        "brightness": [float(mean.mean())],
        "colour": [float(mean[0] - mean[1]), float(mean[2] - mean[1])],
        "contrast": [spread],
        "sharpness": [math.log1p(float(bend.std()) / max(spread, 1.0)) if bend.size else 0.0],
        "size": [decoded.width, decoded.height, decoded.width / max(decoded.height, 1)],
        "bytes a pixel": [math.log(max(len(data), 1) / area)],
        "border": _ring(grey),
        "corners": _corners(pixels),
        "date": [date],
    }
    words |= {"file format": decoded.format, "colour mode": decoded.mode}
    small = Image.fromarray(decoded.pixels).resize((OUTER_SIDE, OUTER_SIDE), Image.Resampling.BOX)
    return OuterProperties(
        {key: np.array(each, float) for key, each in numbers.items()}, words, np.asarray(small)
    )


def _ring(grey: np.ndarray) -> list[float]:
    """Returns mean and spread of the two halves of every side."""
    width = max(1, round(_RING * min(grey.shape)))
    sides = (grey[:width], grey[-width:], grey[:, :width].T, grey[:, -width:].T)
    found = []
    for side in sides:
        for half in np.array_split(side, 2, axis=1):
            found += [float(half.mean()), float(half.std())] if half.size else [0.0, 0.0]
    return found


def _corners(pixels: np.ndarray) -> list[float]:
    """Returns every corner's colour, less that around it: a mark is unlike its surroundings."""
    size = max(2, round(_CORNER * min(pixels.shape[:2])))
    found = []
    for rows in (slice(None), slice(None, None, -1)):
        for columns in (slice(None), slice(None, None, -1)):
            turned = pixels[rows, columns]
            corner, around = turned[:size, :size], turned[: 4 * size, : 4 * size]
            found += [*(corner.mean(axis=(0, 1)) - around.mean(axis=(0, 1))), corner.std()]
    return [float(each) for each in found]


def _of_file(data: bytes) -> tuple[dict[str, str], float]:
    """Returns what the file says of how it was made, and its date as a number."""
    words = {"JPEG tables": "", "camera": "", "software": ""}
    try:
        with Image.open(io.BytesIO(data)) as image:
            tables = getattr(image, "quantization", None)
            if tables:
                text = repr(sorted((key, tuple(value)) for key, value in tables.items()))
                words["JPEG tables"] = hashlib.sha256(text.encode()).hexdigest()[:8]
            exif = image.getexif()
            words["camera"] = " ".join(_plain(exif.get(tag)) for tag in (_MAKE, _MODEL)).strip()
            words["software"] = _plain(exif.get(_SOFTWARE))
            taken = _plain(exif.get_ifd(_EXIF).get(_TAKEN)) or _plain(exif.get(_CHANGED))
    except Exception:  # damaged EXIF is no reason to know nothing else
        return words, math.nan
    digits = "".join(each for each in taken if each.isdigit())
    return words, float(digits[:14]) if len(digits) >= 8 else math.nan


def _plain(value: object) -> str:
    return "" if value is None else str(value).strip().strip("\0")[:60]
