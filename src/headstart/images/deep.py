"""Images deeper than 8 bits: their levels, and how these are brought to 8 bits.

Which level is white is no fact of one image: a camera of 12 or 14 bits writes files of 16, and the
brightest pixel of a frame says little. So it is settled once for a data set (`common_levels`), the
model keeps it (`Preprocess.levels`), and every image is scaled by it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from headstart.errors import ImageError

__all__ = [
    "EIGHT_BITS",
    "DeepLevels",
    "Levels",
    "common_levels",
    "deep_levels",
    "is_deep",
    "loaded_levels",
    "scaled",
]

Levels = tuple[float, float]
"""The level that becomes 0 and the one that becomes 255."""

EIGHT_BITS: Levels = (0.0, 255.0)
"""Of images of 8 bits, which are taken as they are."""

_WHITES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_ROWS = 256
_SAMPLE = 1 << 20
# As many pixels may lie above white, and become white: a sensor has hot pixels.
_HOT = 0.001


@dataclass(frozen=True)
class DeepLevels:
    """The pixels of a deep image.

    Attributes:
        values: (H, W) or (H, W, C) integers or floats, without what is not finite.
        mode: Pillow's mode of the image once it has 8 bits: ``"L"``, ``"LA"``, ``"RGB"``,
            ``"RGBA"`` or ``"CMYK"``; transparency has 16 bits of its own.
        inverted: Whether the lowest level is white.
        white: The level that the file says is white; 0 where it says nothing.
        clear: (H, W) bool, what is transparent by its colour; None for nothing.
        low: Lowest level of the colours.
        high: Highest.
    """

    values: np.ndarray
    mode: str
    inverted: bool
    white: float
    clear: np.ndarray | None
    low: float
    high: float


def is_deep(image: Any) -> bool:
    """Tells of an opened image, not loaded yet, whether it has more than 8 bits a channel."""
    if str(image.mode)[0] in "IF" or _is_scaled_pnm(image):
        return True
    return _rawmode(image).endswith((";16B", ";16L", ";16N"))


def deep_levels(image: Any, data: bytes, again: Callable[[], Any]) -> DeepLevels:
    """Loads a deep image.

    Args:
        image: Opened, not loaded yet.
        data: The whole file.
        again: Opens it once more: of colours, Pillow gives the upper bytes only, so they are
            loaded a second time as if the bytes of each were swapped.

    Raises:
        ImageError: If Pillow cannot be brought to give all bits.
    """
    if _is_scaled_pnm(image):
        return _pnm(image, data)
    if str(image.mode)[0] in "IF":
        plain = image.format == "PPM" and image.tile[0].codec_name == "ppm_plain"
        image.load()
        # JPEG 2000 states its depth, a plain PGM its largest value: Pillow has scaled by it.
        return loaded_levels(image, white=65535.0 * (plain or image.format == "JPEG2000"))
    values, mode = _colours(image, again)
    key = image.info.get("transparency")
    if not isinstance(key, tuple):
        return _levels(values, mode)
    return _levels(values, mode, clear=(values == np.asarray(key, values.dtype)).all(axis=2))


def loaded_levels(image: Any, *, white: float = 0.0) -> DeepLevels:
    """Returns the levels of a loaded image of one deep channel.

    Args:
        image: Of mode ``"I"``, ``"I;16"`` or ``"F"``.
        white: See `DeepLevels`.
    """
    values = np.asarray(image)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    key = image.info.get("transparency") if image.format == "PNG" else None
    return _levels(
        values, "L", white=white, clear=values == key if isinstance(key, int) else None,
        inverted=image.format == "TIFF" and image.tag_v2.get(262) == 0,
    )  # fmt: skip


def _levels(
    values: np.ndarray, mode: str, *, white: float = 0.0, clear: np.ndarray | None = None,
    inverted: bool = False,
) -> DeepLevels:  # fmt: skip
    colours = _opaque(values, mode)
    low, high = float(colours.min()), float(colours.max())
    return DeepLevels(values, mode, inverted, white, clear, low, high)


def _is_scaled_pnm(image: Any) -> bool:
    """Tells of a binary PNM whose white is no power of two: Pillow reads it number by number."""
    return image.format == "PPM" and bool(image.tile) and image.tile[0].codec_name == "ppm"


def _pnm(image: Any, data: bytes) -> DeepLevels:
    tile = image.tile[0]
    white, bands = int(tile.args[-1]), len(image.getbands())
    kind = np.dtype(">u2" if white > 255 else "u1")
    count = image.width * image.height * bands
    if len(data) - tile.offset < count * kind.itemsize:
        raise ImageError("truncated: the end of the file is missing")
    values = np.frombuffer(data, kind, count, tile.offset)
    shape = (image.height, image.width, bands)
    return _levels(
        values.reshape(shape if bands > 1 else shape[:2]), "RGB" if bands > 1 else "L",
        white=float(white),
    )  # fmt: skip


def _rawmode(image: Any) -> str:
    args = image.tile[0].args if image.tile else ""
    return str(args[0] if isinstance(args, tuple) and args else args or "")


def _colours(image: Any, again: Callable[[], Any]) -> tuple[np.ndarray, str]:
    """Returns (H, W, C) uint16 and the mode."""
    raw, tags = _rawmode(image), getattr(image, "tag_v2", {})
    if raw.startswith("RGBa") or tags.get(284, 1) == 2:
        held = "premultiplied transparency" if raw.startswith("RGBa") else "separate planes"
        raise ImageError(f"a TIFF of 16 bits in {held}, which cannot be read: save it as PNG")
    mode = image.mode
    if mode == "LA":  # two bytes of each: as four channels they are all there
        image = again()
        image._mode = "RGBA"
        _load_as(image, "RGBA")
        four = np.asarray(image).astype(np.uint16)
        return four[..., ::2] << 8 | four[..., 1::2], mode
    _load_as(image, raw)
    native = "L" if sys.byteorder == "little" else "B"
    order = native if raw[-1] == "N" else raw[-1]
    values = np.asarray(image).astype(np.uint16)
    values <<= 8
    image = again()
    _load_as(image, raw[:-1] + ("B" if order == "L" else "L"))
    values |= np.asarray(image)
    return values, mode


def _load_as(image: Any, raw: str) -> None:
    """Loads an image with another idea of how its bytes lie."""
    tiles = []
    for tile in image.tile:
        args = (raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
        tiles.append(tile._replace(args=args))
    image.tile = tiles
    image.load()


def _opaque(values: np.ndarray, mode: str) -> np.ndarray:
    return values[..., :-1] if mode in ("LA", "RGBA") else values


def common_levels(lows: np.ndarray, highs: np.ndarray, floats: np.ndarray) -> Levels:
    """Settles the levels of a data set.

    Args:
        lows: (N,) lowest level of each deep image.
        highs: (N,) highest level of each.
        floats: (N,) bool, whether it holds floating point numbers.

    Returns:
        From 0 to what the fewest bits hold (8, 10, 12, 14 or 16), for all images at once; floating
        point numbers from 0 to 1 where they fit, else to the highest of all; and where there are
        negative levels, such as Hounsfield units, the range of all.
    """
    if not len(lows):
        return EIGHT_BITS
    low, high = float(lows.min()), float(highs.max())
    if low < 0:
        return low, max(high, low + 1e-12)
    if floats.all():
        if high <= 1:
            return 0.0, 1.0
        return 0.0, next((w for w in _WHITES if w / 2 < high <= w), high)
    return 0.0, next((white for white in _WHITES if high <= white), high)


def scaled(deep: DeepLevels, levels: Levels | None) -> Image.Image:
    """Brings a deep image to 8 bits.

    Args:
        deep: Its levels.
        levels: Of the model's training images; None for its own, to be looked at.

    Raises:
        ImageError: If it is deeper than those.
    """
    black, white = _own(deep) if levels is None else _fitting(deep, levels)
    values = deep.values
    result = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _ROWS):  # in bands: as floats they are four times as large
        band = values[top : top + _ROWS].astype(np.float32)
        band -= black
        band *= 255 / (white - black)
        result[top : top + _ROWS] = np.rint(np.clip(band, 0, 255, out=band), out=band)
    if deep.inverted:
        result = 255 - result
    if deep.mode in ("LA", "RGBA"):
        result[..., -1] = values[..., -1] >> 8
    image = Image.fromarray(result)
    if deep.mode == "CMYK":
        image = Image.frombytes("CMYK", image.size, result.tobytes())
    if deep.clear is not None and deep.clear.any():
        image = image.convert("RGBA")
        image.putalpha(Image.fromarray(np.where(deep.clear, 0, 255).astype(np.uint8)))
    return image


def _own(deep: DeepLevels) -> Levels:
    """Returns levels that show what is on an image; a few pixels do not matter to them."""
    flat = _opaque(deep.values, deep.mode).ravel()
    low, high = np.percentile(flat[:: len(flat) // _SAMPLE + 1], [0.5, 99.5])
    # What differs by less than the noise of a sensor is even, and shall look so.
    least = max(abs(float(low)), abs(float(high))) / 64 or 1.0
    return float(low), max(float(high), float(low) + least)


def _fitting(deep: DeepLevels, levels: Levels) -> Levels:
    if deep.white:
        return 0.0, deep.white
    black, white = levels
    if deep.low >= black and deep.high <= white:
        return levels
    integers = deep.values.dtype.kind != "f"
    if levels == EIGHT_BITS:
        # A model of 8-bit images says nothing of depths, but all 16 bits are beyond doubt.
        if integers and deep.low >= 0 and 32768 <= deep.high <= 65535:
            return 0.0, 65535.0
        held = f"levels of {deep.low:g} to {deep.high:g}"
        raise ImageError(
            f"deeper than 8 bits ({held}), and the model learned from images of 8 bits, so which "
            "level is white is unknown: save it as 8 bits"
        )
    flat = _opaque(deep.values, deep.mode)
    beyond = float(np.mean((flat < black) | (flat > white)))
    if beyond > _HOT:
        raise ImageError(
            f"deeper than the images the model learned from: levels of {deep.low:g} to "
            f"{deep.high:g}, where theirs are {black:g} to {white:g}; scale it as they were"
        )
    return levels
