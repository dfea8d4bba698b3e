"""Decoding: the bytes of one image file -> RGB pixels, or one plain reason why not.

Everything that reads an image goes through `decode`, so training, evaluation and
serving see the same pixels. It keeps no state and changes none of Pillow's globals (but
silences what it logs and warns): it may run in any number of threads.
"""

from __future__ import annotations

import functools
import importlib
import io
import logging
import stat
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.errors import HeadstartError, ImageError
from headstart.images.bounds import MAX_PIXELS, demand_affordable, demand_size, demand_sound
from headstart.images.colours import orientation_of, upright_pixels
from headstart.images.deep import Levels, deep_levels, is_deep, loaded_levels, scaled
from headstart.images.frames import first_of_several, spare_bands
from headstart.images.naming import reason_of, what_is, what_tiff_is

__all__ = ["Decoded", "decode", "no_memory", "opened", "read_bytes", "upright"]

_MAX_BYTES = 1 << 30
_SPARE_BYTES = 32 << 20
# The same opened image may be given twice, and Pillow loads it where it lies.
_LOADING = threading.Lock()
# Without a handler its errors would go to standard error, beside those that are raised here.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# Likewise what it warns of damaged files: one reason is given, by name.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Only formats of images. Pillow would also hand EPS to Ghostscript, for one.
_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "PPM": "PpmImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "AVIF": "AvifImagePlugin",
    "ICO": "IcoImagePlugin",
}
_ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


@dataclass(frozen=True)
class Decoded:
    """One decoded image.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright; read-only.
        width: Width in pixels of the full image as displayed (after EXIF orientation),
            also where `pixels` are at a reduced scale.
        height: Height in pixels, likewise.
        mode: Pillow's mode of the file, e.g. ``"RGB"``, ``"P"``, ``"I;16"``.
        format: Pillow's name of the true format, e.g. ``"JPEG"``.
        low: Lowest level of an image deeper than 8 bits, but for a thousandth of its pixels; 0 of
            others, and where the file states which level is white.
        high: Highest level, likewise.
        several: Whether the file holds further frames or pages.
        spare: Whether it holds further bands.
        deep: Whether it is deeper than 8 bits.
    """

    pixels: np.ndarray
    width: int
    height: int
    mode: str
    format: str
    low: float = 0.0
    high: float = 0.0
    several: bool = False
    spare: bool = False
    deep: bool = False


def decode(
    data: bytes,
    *,
    short_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    levels: Levels | None = None,
) -> Decoded:
    """Decodes the first frame of an image into upright 8-bit RGB.

    Transparency is laid over white, as a page would show it: drawings and cut-outs are
    made for light paper, and the colours hidden under transparent pixels are arbitrary.
    Colour profiles are not applied.

    Args:
        data: The whole file.
        short_side: Pixels that the shorter side needs. A JPEG at least twice that size is
            decoded at 1/2, 1/4 or 1/8 (never below `short_side`), which is much faster.
        max_pixels: Images larger than this are refused before they are decoded.
        levels: What becomes black and white of an image deeper than 8 bits, `Preprocess.levels`;
            None for its own range, which shows what is on it and is no measure of brightness.

    Returns:
        The pixels and what the file says of itself.

    Raises:
        ImageError: The file is no image, is damaged, truncated, too large or deeper than `levels`.
            The message is the reason, without a file name. A truncated image is never filled up
            with grey.
        HeadstartError: If this machine has no memory left, which is no fault of the file.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        return _decode(data, short_side, max_pixels, levels)
    except MemoryError:
        pass
    with _LOADING:  # alone, it may do
        try:
            return _decode(data, short_side, max_pixels, levels)
        except MemoryError:
            if _is_free(8 * max_pixels):
                raise ImageError("damaged: it asks for more memory than an image takes") from None
            raise no_memory() from None


def _decode(data: bytes, short_side: int | None, max_pixels: int, levels: Levels | None) -> Decoded:
    image = None
    try:
        image = opened(data, max_pixels=max_pixels)
        return _pixels(image, data, short_side, max_pixels, levels)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        need = image.width * image.height * 8 if image is not None else 0
        if not _is_free(min(need, 8 * max_pixels) + _SPARE_BYTES):
            raise MemoryError from error  # libraries call it a broken file
        raise ImageError(reason_of(error)) from error


def _is_free(size: int) -> bool:
    try:
        bytearray(size)
    except MemoryError:
        return False
    return True


def no_memory() -> HeadstartError:
    """Returns the error of a machine without memory: to leave images out would be no remedy."""
    return HeadstartError(
        "out of memory while images are decoded: end other programs, raise the limit of memory, or "
        "decode fewer at once (--workers 1)"
    )


def read_bytes(path: Path, *, max_bytes: int = _MAX_BYTES) -> bytes:
    """Reads a whole image file.

    Args:
        path: The file.
        max_bytes: Larger files are refused.

    Returns:
        Its bytes, perhaps none.

    Raises:
        ImageError: It is a folder, a device, gone, unreadable or too large.
    """
    try:
        # A look before opening: to open a named pipe would wait for ever.
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a regular file (a device, pipe or socket)")
        if status.st_size > max_bytes:
            raise ImageError(f"too large: {status.st_size:,} bytes, more than {max_bytes:,}")
        with path.open("rb") as stream:
            return stream.read(max_bytes)
    except FileNotFoundError:
        link = path.is_symlink()
        raise ImageError("a link to a file that is gone" if link else "the file is gone") from None
    except PermissionError:
        raise ImageError("no permission to read it") from None
    except MemoryError:
        raise no_memory() from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"cannot be read ({reason})") from None


@functools.cache
def _openers() -> dict[str, tuple[Any, Callable[[bytes], Any] | None]]:
    """Returns Pillow's (factory, accept) of each format taken, imported on first use."""
    for plugin in _PLUGINS.values():
        try:
            importlib.import_module(f"PIL.{plugin}")
        except ImportError:  # a Pillow without AVIF, say
            continue
    names = [*_PLUGINS, "HEIF"]  # HEIF is there when the caller registered pillow-heif
    return {name: Image.OPEN[name] for name in names if name in Image.OPEN}


def opened(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Any:
    """Reads the header.

    This is the loop of `Image.open` without its test for decompression bombs, which warns
    through the process-wide `warnings` and obeys a process-wide limit; `bounds` has its own.

    Args:
        data: The whole file.
        max_pixels: Larger images are refused.

    Returns:
        Pillow's image, not loaded yet.

    Raises:
        ImageError: If it is no image, or none that may be opened.
    """
    demand_sound(data, max_pixels)
    claimed = ""
    for name, (factory, accept) in _openers().items():
        recognised = accept is None or accept(data[:16])
        if isinstance(recognised, str) or not recognised:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except SyntaxError:  # Pillow's way to say "not my format after all"
            claimed = claimed or name
        except (KeyError, OSError):
            if name != "TIFF":  # of which it does not know all ways to compress
                raise
            claimed = name
    if claimed == "TIFF":
        raise ImageError(what_tiff_is(data) or "damaged or truncated: a TIFF, and no more")
    if claimed:
        raise ImageError(f"damaged or truncated: it starts like a {claimed} file, and no more")
    raise ImageError(what_is(data))


def _pixels(
    image: Any, data: bytes, short_side: int | None, max_pixels: int, levels: Levels | None
) -> Decoded:
    """Loads an opened image; any exception means that it is damaged."""
    mode, form = image.mode, image.format or ""
    header = image.size
    demand_size(header[0], header[1], max_pixels)
    _demand_end(data, form)
    spare, several = spare_bands(image), first_of_several(image, data)
    if spare and len(image.getbands()) == 1:
        raise ImageError(what_tiff_is(data))
    if form in ("JPEG", "MPO") and short_side is not None:
        image.draft(None, (short_side, short_side))
    demand_affordable(image, data, max_pixels)
    reduced = image.size != header
    low = high = 0.0
    is_scaled = is_deep(image)
    if is_scaled:
        deep = deep_levels(image, data, functools.partial(opened, data))
        orientation = orientation_of(image)
        if not deep.white:
            low, high = deep.low, deep.high
        image = scaled(deep, levels)
    else:
        image.load()
        orientation = orientation_of(image)
    pixels = upright_pixels(image, orientation)
    header = header[::-1] if 5 <= orientation <= 8 else header
    # TIFF turns itself while loading, so where nothing was reduced the pixels know best.
    width, height = header if reduced else (pixels.shape[1], pixels.shape[0])
    return Decoded(pixels, width, height, mode, form, low, high, several, spare, is_scaled)


def upright(image: Image.Image, levels: Levels | None = None) -> np.ndarray:
    """Returns an image that somebody has opened as `decode` gives it, (H, W, 3) uint8 RGB.

    Args:
        image: Any of Pillow's.
        levels: As `decode` takes them. Of colours deeper than 8 bits, Pillow has cut off the rest.

    Raises:
        ImageError: If its file is damaged, or deeper than `levels`.
        HeadstartError: If this machine has no memory left.
    """
    try:
        with _LOADING:
            image.load()
        orientation = orientation_of(image)
        if image.mode[0] in "IF":
            image = scaled(loaded_levels(image), levels)
        return upright_pixels(image, orientation)
    except ImageError:
        raise
    except MemoryError:
        raise no_memory() from None
    except Exception as error:
        raise ImageError(reason_of(error)) from error


def _demand_end(data: bytes, form: str) -> None:
    """Refuses compressed files whose end is a run of zeros, as broken copies have.

    Zeros can be valid data: libjpeg and others paint them as grey without complaint.
    """
    if not data.endswith(bytes(16)):
        return
    end = _ENDS.get(form)
    if end is not None:
        cut = not data.rstrip(b"\0").endswith(end)
    else:  # these have no mark at their end, and metadata may be padded with a few zeros
        cut = form in ("WEBP", "AVIF") and data.endswith(bytes(512))
    if cut:
        raise ImageError("truncated: the end of the file is only zeros")
