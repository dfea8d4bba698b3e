"""Images deeper than 8 bits: their levels, and how these are brought to 8 bits.

Which level is white is no fact of one image: a camera of 12 or 14 bits writes files of 16, and the
brightest pixel of a frame says little. So it is settled once for a data set (`common_levels`), the
model keeps it (`Preprocess.levels`), and every image is scaled by it.
"""

from __future__ import annotations

import logging
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

_log = logging.getLogger(__name__)
_WHITES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
# Levels that fill less than this share of a depth are spread: else little would be left of them.
_FILLED = 1 / 4
_ROWS = 256
_SAMPLE = 1 << 20
# As many pixels may lie beyond a depth, and are cut off.
_HOT = 0.001
# As many beyond levels that no depth sets, as of a scene in other light; from one hundredth on with
# a warning.
_BEYOND, _SAID = 0.2, 0.01


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
        low: Lowest level of the colours, but for a thousandth of the pixels.
        high: Highest, likewise: a sensor has hot pixels, which say nothing of its depth.
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
    bits = getattr(image, "tag_v2", {}).get(258, (8,))
    return _rawmode(image).endswith((";16B", ";16L", ";16N")) or max(bits, default=8) > 8


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
    low, high = _quantiles(_opaque(values, mode), _HOT)
    return DeepLevels(values, mode, inverted, white, clear, low, high)


def _quantiles(values: np.ndarray, share: float) -> Levels:
    """Returns the levels beyond which a share of the pixels lies on either side."""
    flat = values.ravel()
    low, high = np.quantile(flat[:: len(flat) // _SAMPLE + 1], [share, 1 - share], method="nearest")
    return float(low), float(high)


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
    if raw.startswith("LA"):  # two bytes of each: as four channels they are all there
        image = again()
        image._mode = "RGBA"
        _load_as(image, "RGBA")
        four = np.asarray(image).astype(np.uint16)
        return four[..., ::2] << 8 | four[..., 1::2], "LA"
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
        lows: (N,) lowest level of each deep image, as `DeepLevels` has them.
        highs: (N,) highest level of each.
        floats: (N,) bool, whether it holds floating point numbers.

    Returns:
        From 0 to what the fewest bits hold (8, 10, 12, 14 or 16), or to 1 for floating point
        numbers, for all images at once. Where they fill less than a quarter of that, or have
        negative levels such as Hounsfield units: from the lowest to the highest of all.
    """
    if not len(lows):
        return EIGHT_BITS
    low, high = float(lows.min()), float(highs.max())
    whites = _WHITES if not floats.all() else (1.0, *_WHITES)
    white = next((each for each in whites if high <= each), None)
    filled = white is not None and (high - low >= _FILLED * white)
    if low >= 0 and white is not None and (filled or (white == 255.0 and not floats.all())):
        return 0.0, white
    return low, high if high > low else low + max(abs(low) / 64, 1.0)


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
    huge = max(abs(black), abs(white)) > 1e30  # differences of such floats could overflow
    for top in range(0, len(values), _ROWS):  # in bands: as floats they are four times as large
        band: np.ndarray = values[top : top + _ROWS].astype(np.float64 if huge else np.float32)
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
    low, high = _quantiles(_opaque(deep.values, deep.mode), 0.005)
    # What differs by less than the noise of a sensor is even, and shall look so.
    least = max(abs(low), abs(high)) / 64 or 1.0
    return low, max(high, low + least)


def _fitting(deep: DeepLevels, levels: Levels) -> Levels:
    if deep.white:
        return 0.0, deep.white
    black, white = levels
    flat = _opaque(deep.values, deep.mode)
    beyond = float(np.mean((flat < black) | (flat > white)))
    if beyond <= _HOT:
        return levels
    held = f"levels of {deep.low:g} to {deep.high:g}"
    if levels == EIGHT_BITS:
        # A model of 8-bit images says nothing of depths, but all 16 bits are beyond doubt.
        if deep.values.dtype.kind != "f" and deep.low >= 0 and 32768 <= deep.high <= 65535:
            return 0.0, 65535.0
        raise ImageError(
            f"deeper than 8 bits ({held}), and the model learned from images of 8 bits, so which "
            "level is white is unknown: save it as 8 bits"
        )
    depth = black == 0 and (white == 1 or white in _WHITES)
    if beyond > (_HOT if depth else _BEYOND):
        raise ImageError(
            f"{held}, where those of the images that the model learned from are {black:g} to "
            f"{white:g}: bring it to the same levels"
        )
    if beyond > _SAID:
        _log.warning(
            "%.0f %% of the pixels of an image with %s are cut off at %g to %g, the levels of the "
            "images that the model learned from", 100 * beyond, held, black, white,
        )  # fmt: skip
    return levels
