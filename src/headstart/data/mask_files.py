"""The file of a mask: which values its pixels have, and how they become classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from headstart.data.masks import IGNORED, scale_nearest
from headstart.errors import DataError

__all__ = [
    "MaskFile",
    "RawMask",
    "ValueTable",
    "as_colour",
    "channels",
    "read_values",
    "value_runs",
]

_MOST_PIXELS = 1 << 28  # larger masks are refused before they are decoded
_WHOLE = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"}


@dataclass(frozen=True)
class RawMask:
    """The pixels of a mask as its file has them.

    Attributes:
        values: (H, W) grey values or palette indices; of colours red * 65536 + green * 256 + blue.
        kind: ``"grey"``, ``"palette"`` or ``"colour"``.
        form: Pillow's name of the format.
        deep: Whether it is of more than 8 bits a channel.
        cut: Whether it is its transparency that makes the mask, or hides parts of it.
        palette: Index -> colour, of a palette.
    """

    values: np.ndarray
    kind: str
    form: str
    deep: bool = False
    cut: bool = False
    palette: dict[int, int] = field(default_factory=dict)

    def as_told(self, colours: bool) -> np.ndarray:
        """Returns (H, W) values, as colours where other masks of the data set have those."""
        if not colours or self.kind == "colour":
            return self.values
        if self.kind == "palette":
            lookup = np.array([self.palette.get(i, 0) for i in range(256)], np.int64)
            return lookup[self.values]
        return np.minimum(self.values.astype(np.int64), 255) * 0x010101


@dataclass(frozen=True)
class ValueTable:
    """Which value is which class, the same for all masks of a data set.

    Attributes:
        values: V values that are classes, ascending: grey values or indices, or colours as numbers.
        classes: Their V class indices; 255 where nobody says.
        colours: Whether the values are colours.
        others: The class of every other value; None for that of the nearest value.
    """

    values: tuple[int, ...]
    classes: tuple[int, ...]
    colours: bool = False
    others: int | None = None

    @cached_property
    def _grey(self) -> np.ndarray:
        """(65536,) uint8: the class of each grey value."""
        return self._looked_up(np.arange(1 << 16))

    def _looked_up(self, values: np.ndarray) -> np.ndarray:
        known = np.array(self.values, np.int64)
        if self.colours:
            apart = channels(values)[:, None, :] - channels(known)[None, :, :]
            nearest = (apart * apart).sum(axis=2).argmin(axis=1)
        else:
            right = np.searchsorted(known, values).clip(1, max(1, len(known) - 1))
            right = np.minimum(right, len(known) - 1)
            left = np.maximum(right - 1, 0)
            nearest = np.where(values - known[left] < known[right] - values, left, right)
        found = np.array(self.classes, np.uint8)[nearest]
        if self.others is not None:
            found = np.where(known[nearest] == values, found, np.uint8(self.others))
        return found

    def classes_of(self, values: np.ndarray) -> np.ndarray:
        """Returns uint8 class indices of values, in their shape."""
        if not self.colours and int(values.max(initial=0)) < 1 << 16:
            return self._grey[values]
        different, where = value_runs(values)
        return self._looked_up(different)[where].reshape(values.shape)


@dataclass(frozen=True)
class MaskFile:
    """A mask in an image file: grey values, palette indices or colours.

    Attributes:
        path: The file.
        table: What its values mean.
    """

    path: Path
    table: ValueTable

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If the file is gone or damaged by now.
        """
        return self.table.classes_of(read_values(self.path).as_told(self.table.colours))


@dataclass(frozen=True)
class LayeredMask:
    """A mask in several files, each of which shows where one class is; later ones lie on top.

    Attributes:
        layers: L masks that are 0 where it is not, with the index of the class.
    """

    layers: tuple[tuple[MaskFile, int], ...]

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices, 255 where nobody says.

        Raises:
            DataError: If a file is gone or damaged by now.
        """
        mask: np.ndarray | None = None
        for source, index in self.layers:
            layer = source.read()
            mask = np.zeros_like(layer) if mask is None else mask
            layer = scale_nearest(layer, (mask.shape[1], mask.shape[0]))
            mask[(layer == IGNORED) & (mask == 0)] = IGNORED
            mask[(layer != 0) & (layer != IGNORED)] = index
        assert mask is not None, "a mask has layers"
        return mask


def read_values(path: Path) -> RawMask:
    """Reads the file of a mask, upright.

    Transparent pixels are background (0); where all colours are the same, the mask is what is not
    transparent. Colours that are all grey are grey values.

    Raises:
        DataError: If it is no image, damaged or too large; the message names the file.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise DataError(f"{path}: {width} x {height} pixels are too many for a mask")
            image.load()
            turned = ImageOps.exif_transpose(image)
            return _values(turned, image.format or "")
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: the file is gone") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: no image that can be read ({reason})") from None


def _values(image: Image.Image, form: str) -> RawMask:
    mode = image.mode
    if mode == "P":
        colours = np.array(image.getpalette("RGB"), np.int64).reshape(-1, 3)
        packed = as_colour(colours).tolist()
        return RawMask(np.asarray(image), "palette", form, palette=dict(enumerate(packed)))
    if mode in _WHOLE:
        values = np.asarray(image)
        values = values.astype(np.uint8) * 255 if mode == "1" else values
        if values.min(initial=0) < 0:
            raise DataError(f"it holds negative values (down to {values.min()})")
        return RawMask(values, "grey", form, deep=mode not in ("1", "L"))
    if mode == "F":
        values = np.asarray(image)
        whole = values.astype(np.int64)
        if not np.array_equal(whole, values) or values.min(initial=0) < 0:
            raise DataError("it holds numbers with fractions, no values of classes")
        return RawMask(whole, "grey", form, deep=True)
    if mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return _cut_out(np.asarray(image.convert("RGBA")), form)
    return _colours(np.asarray(image.convert("RGB")), form)


def _cut_out(pixels: np.ndarray, form: str) -> RawMask:
    alpha = pixels[..., 3]
    if alpha.min(initial=255) == 255:
        return _colours(pixels[..., :3], form)
    shown = pixels[..., :3][alpha >= 128]
    if not len(shown) or (shown == shown[0]).all():  # one colour: what counts is where it is
        return RawMask(alpha, "grey", form, cut=True)
    raw = _colours(np.where(alpha[..., None] >= 128, pixels[..., :3], 0), form)
    return RawMask(raw.values, raw.kind, form, cut=True)


def _colours(pixels: np.ndarray, form: str) -> RawMask:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return RawMask(np.ascontiguousarray(red), "grey", form)
    return RawMask(as_colour(pixels), "colour", form)


def as_colour(pixels: np.ndarray) -> np.ndarray:
    """Returns (...) int64 numbers of (..., 3) colours: red * 65536 + green * 256 + blue."""
    parts = pixels.astype(np.int64)
    return parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]


def channels(colours: np.ndarray) -> np.ndarray:
    """Returns (V, 3) int64 of V colours as numbers."""
    return np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=-1)


def value_runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (V,) different values, ascending, and which of them each of P pixels has.

    Masks are runs of one value, so that few of them need to be sorted.
    """
    flat = values.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] - 1 if len(flat) else 0))
    different, which = np.unique(flat[starts], return_inverse=True)
    return different, np.repeat(which, np.diff(starts, append=len(flat)))
