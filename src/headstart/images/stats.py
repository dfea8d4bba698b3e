"""`ImageStats`: what one decoding of every image tells, kept small enough for 100,000 of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from headstart.images.decode import Decoded

__all__ = ["STATS_SIDE", "THUMB", "ImageStats", "SingleImageStats", "image_stats"]

STATS_SIDE = 256
"""Images are not decoded smaller than this, or statistics would depend on which network asked."""

THUMB = 16
_HASH = 16


@dataclass(frozen=True)
class SingleImageStats:
    """Statistics of one image.

    Attributes:
        width: Width in pixels, as displayed (after EXIF orientation).
        height: Height in pixels, as displayed.
        mode: Pillow's mode of the file, e.g. ``"RGB"``, ``"L"``, ``"CMYK"``.
        format: Pillow's name of the true format, e.g. ``"JPEG"``, whatever the extension.
        contrast: Standard deviation of the grey levels, 0-127; near 0 is a blank image.
        dhash: (32,) uint8, 256-bit difference hash of the 17 x 16 grey image.
        thumbnail: (16, 16, 3) uint8, the whole image squashed.
        low: Lowest level of an image deeper than 8 bits, see `Decoded`; else 0.
        high: Highest level, likewise.
        several: Whether the file holds further frames or pages.
        spare: Whether it holds further bands.
    """

    width: int
    height: int
    mode: str
    format: str
    contrast: float
    dhash: np.ndarray
    thumbnail: np.ndarray
    low: float = 0.0
    high: float = 0.0
    several: bool = False
    spare: bool = False


@dataclass(frozen=True)
class ImageStats:
    """Statistics of N items, column by column; rows of unreadable items are zero or empty.

    Attributes:
        keys: (N, 16) uint8 fingerprints of the files' bytes.
        widths: (N,) int32, as displayed.
        heights: (N,) int32, as displayed.
        modes: (N,) str.
        formats: (N,) str.
        contrast: (N,) float32.
        dhashes: (N, 32) uint8.
        thumbnails: (N, 16, 16, 3) uint8.
        lows: (N,) float64, lowest levels of images deeper than 8 bits, else 0.
        highs: (N,) float64, highest levels, likewise.
        several: (N,) bool, whether a file holds further frames or pages.
        spare: (N,) bool, whether it holds further bands.
        errors: index -> reason, for items that cannot be decoded.
    """

    keys: np.ndarray
    widths: np.ndarray
    heights: np.ndarray
    modes: np.ndarray
    formats: np.ndarray
    contrast: np.ndarray
    dhashes: np.ndarray
    thumbnails: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    several: np.ndarray
    spare: np.ndarray
    errors: dict[int, str] = field(default_factory=dict)

    @classmethod
    def empty(cls, n: int) -> ImageStats:
        """Returns N rows of zeros, to be filled with `put`."""
        return cls(
            keys=np.zeros((n, 16), np.uint8),
            widths=np.zeros(n, np.int32),
            heights=np.zeros(n, np.int32),
            modes=np.zeros(n, "U8"),
            formats=np.zeros(n, "U8"),
            contrast=np.zeros(n, np.float32),
            dhashes=np.zeros((n, 2 * _HASH), np.uint8),
            thumbnails=np.zeros((n, THUMB, THUMB, 3), np.uint8),
            lows=np.zeros(n),
            highs=np.zeros(n),
            several=np.zeros(n, bool),
            spare=np.zeros(n, bool),
        )

    def put(self, index: int, stats: SingleImageStats) -> None:
        """Fills one row."""
        self.widths[index] = stats.width
        self.heights[index] = stats.height
        self.modes[index] = stats.mode
        self.formats[index] = stats.format
        self.contrast[index] = stats.contrast
        self.dhashes[index] = stats.dhash
        self.thumbnails[index] = stats.thumbnail
        self.lows[index], self.highs[index] = stats.low, stats.high
        self.several[index], self.spare[index] = stats.several, stats.spare

    @property
    def readable(self) -> np.ndarray:
        """(N,) bool: which items decoded."""
        mask = np.ones(len(self.widths), bool)
        mask[list(self.errors)] = False
        return mask

    @property
    def deep(self) -> np.ndarray:
        """(N,) bool: which items are deeper than 8 bits, and their files do not say how deep."""
        return (self.highs != 0) | (self.lows != 0)

    def take(self, indices: np.ndarray) -> ImageStats:
        """Returns the rows at (M,) int indices or under an (N,) bool mask."""
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices
        where = {int(old): new for new, old in enumerate(indices)}
        return ImageStats(
            self.keys[indices],
            self.widths[indices],
            self.heights[indices],
            self.modes[indices],
            self.formats[indices],
            self.contrast[indices],
            self.dhashes[indices],
            self.thumbnails[indices],
            self.lows[indices],
            self.highs[indices],
            self.several[indices],
            self.spare[indices],
            {where[i]: reason for i, reason in self.errors.items() if i in where},
        )


def image_stats(decoded: Decoded) -> SingleImageStats:
    """Measures one decoded image.

    The difference hash compares horizontally neighbouring grey levels of a 17 x 16
    reduction (dHash; Krawetz, 2013), so it survives re-encoding and resizing.
    """
    image = Image.fromarray(decoded.pixels)
    # One cheap reduction feeds everything below; BOX with a gap reads each pixel once.
    small = image.resize((64, 64), Image.Resampling.BOX)
    grey = small.convert("L")
    cells = np.asarray(grey.resize((_HASH + 1, _HASH), Image.Resampling.BOX), np.int16)
    return SingleImageStats(
        width=decoded.width,
        height=decoded.height,
        mode=decoded.mode,
        format=decoded.format,
        contrast=float(np.asarray(grey, np.float32).std()),
        dhash=np.packbits((cells[:, 1:] > cells[:, :-1]).ravel()),
        thumbnail=np.asarray(small.resize((THUMB, THUMB), Image.Resampling.BOX)),
        low=decoded.low,
        high=decoded.high,
        several=decoded.several,
        spare=decoded.spare,
    )
