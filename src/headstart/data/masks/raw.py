"""The pixels of a mask as its file has them, in whatever mode it was saved."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from headstart.errors import DataError

__all__ = ["RawMask", "as_colour", "channels", "read_values"]

_MOST_PIXELS = 1 << 28  # larger masks are refused before they are decoded
# Masks are looked at again and again (values, checks, cells, scores): so many bytes are held.
_HELD_BYTES = 96 << 20
_FEW_COLOURS, _MANY_COLOURS = 32, 1024  # no mask has more, and no photograph has fewer
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


class _Held:
    """The masks that were read last, by path, size and time of their files."""

    def __init__(self) -> None:
        self._masks: OrderedDict[tuple[str, int, int], RawMask] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int]) -> RawMask | None:
        with self._lock:
            if key in self._masks:
                self._masks.move_to_end(key)
            return self._masks.get(key)

    def put(self, key: tuple[str, int, int], mask: RawMask) -> None:
        mask.values.setflags(write=False)  # whoever reads it again shall find it as it was
        with self._lock:
            if key in self._masks or mask.values.nbytes > _HELD_BYTES // 4:
                return
            self._masks[key] = mask
            self._bytes += mask.values.nbytes
            while self._bytes > _HELD_BYTES:
                self._bytes -= self._masks.popitem(last=False)[1].values.nbytes


_held = _Held()


def read_values(path: Path) -> RawMask:
    """Reads the file of a mask, upright; one that was read lately is not decoded again.

    Transparent pixels are background (0); where all colours are the same, or as many as those of a
    photograph that was cut out, the mask is what is not transparent. Colours that are all grey are
    grey values.

    Raises:
        DataError: If it is no image, damaged or too large; the message names the file.
    """
    try:
        about = path.stat()
        key = str(path), about.st_size, about.st_mtime_ns
        if (known := _held.get(key)) is not None:
            return known
        with Image.open(path) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise DataError(f"{path}: {width} x {height} pixels are too many for a mask")
            image.load()
            turned = ImageOps.exif_transpose(image)
            found = _values(turned, image.format or "")
        _held.put(key, found)
        return found
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: the file is gone") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: no image that can be read (damaged, or something else)") from None
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
    different = len(np.unique(as_colour(shown)))
    if different > min(_MANY_COLOURS, max(_FEW_COLOURS, len(shown) // 4)):  # a photograph cut out
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
