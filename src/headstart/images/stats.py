"""`Facts`: what one decoding of every image tells, kept small enough for 100,000 of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from headstart.images.decode import Decoded

__all__ = ["THUMB", "Facts", "ImageFacts", "image_facts"]

THUMB = 16
_HASH = 16


@dataclass(frozen=True)
class ImageFacts:
    """The facts of one image.

    Attributes:
        width: Width in pixels, as displayed (after EXIF orientation).
        height: Height in pixels, as displayed.
        mode: Pillow's mode of the file, e.g. ``"RGB"``, ``"L"``, ``"CMYK"``.
        format: Pillow's name of the true format, e.g. ``"JPEG"``, whatever the extension.
        spread: Standard deviation of the grey levels, 0-127; near 0 is a blank image.
        dhash: (32,) uint8, 256-bit difference hash of the 17 x 16 grey image.
        thumb: (16, 16, 3) uint8, the whole image squashed.
    """

    width: int
    height: int
    mode: str
    format: str
    spread: float
    dhash: np.ndarray
    thumb: np.ndarray


@dataclass(frozen=True)
class Facts:
    """The facts of N items, column by column; rows of unreadable items are zero or empty.

    Attributes:
        keys: (N, 16) uint8 fingerprints of the files' bytes.
        widths: (N,) int32, as displayed.
        heights: (N,) int32, as displayed.
        modes: (N,) str.
        formats: (N,) str.
        spreads: (N,) float32.
        dhashes: (N, 32) uint8.
        thumbs: (N, 16, 16, 3) uint8.
        errors: index -> reason, for items that cannot be decoded.
    """

    keys: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    modes: np.ndarray
    formats: np.ndarray
    spreads: np.ndarray
    dhashes: np.ndarray
    thumbs: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, n: int) -> Facts:
        """Returns N rows of zeros, to be filled with `put`."""
        return cls(
            keys=np.zeros((n, 16), np.uint8),
            widths=np.zeros(n, np.int32),
            heights=np.zeros(n, np.int32),
            modes=np.zeros(n, "U8"),
            formats=np.zeros(n, "U8"),
            spreads=np.zeros(n, np.float32),
            dhashes=np.zeros((n, 2 * _HASH), np.uint8),
            thumbs=np.zeros((n, THUMB, THUMB, 3), np.uint8),
        )

    def put(self, index: int, facts: ImageFacts) -> None:
        """Fills one row."""
        self.widths[index] = facts.width
        self.heights[index] = facts.height
        self.modes[index] = facts.mode
        self.formats[index] = facts.format
        self.spreads[index] = facts.spread
        self.dhashes[index] = facts.dhash
        self.thumbs[index] = facts.thumb

    @property
    def readable(self) -> np.ndarray:
        """(N,) bool: which items decoded."""
        mask = np.ones(len(self.widths), bool)
        mask[list(self.errors)] = False
        return mask

    def take(self, indices: np.ndarray) -> Facts:
        """Returns the rows at (M,) int indices or under an (N,) bool mask."""
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices
        where = {int(old): new for new, old in enumerate(indices)}
        return Facts(
            self.keys[indices],
            self.widths[indices],
            self.heights[indices],
            self.modes[indices],
            self.formats[indices],
            self.spreads[indices],
            self.dhashes[indices],
            self.thumbs[indices],
            {where[i]: reason for i, reason in self.errors.items() if i in where},
        )


def image_facts(decoded: Decoded) -> ImageFacts:
    """Measures one decoded image.

    The difference hash compares horizontally neighbouring grey levels of a 17 x 16
    reduction (dHash; Krawetz, 2013), so it survives re-encoding and resizing.
    """
    image = Image.fromarray(decoded.pixels)
    # One cheap reduction feeds everything below; BOX with a gap reads each pixel once.
    small = image.resize((64, 64), Image.Resampling.BOX)
    grey = small.convert("L")
    cells = np.asarray(grey.resize((_HASH + 1, _HASH), Image.Resampling.BOX), np.int16)
    return ImageFacts(
        width=decoded.width,
        height=decoded.height,
        mode=decoded.mode,
        format=decoded.format,
        spread=float(np.asarray(grey, np.float32).std()),
        dhash=np.packbits((cells[:, 1:] > cells[:, :-1]).ravel()),
        thumb=np.asarray(small.resize((THUMB, THUMB), Image.Resampling.BOX)),
    )
