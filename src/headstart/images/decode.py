"""Decoding: the bytes of one image file -> RGB pixels, or one plain reason why not.

Everything that reads an image goes through `decode`, so training, evaluation and
serving see the same pixels. It keeps no state and changes none of Pillow's globals:
it may run in any number of threads.
"""

from __future__ import annotations

import functools
import importlib
import io
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.errors import ImageError

__all__ = ["MAX_PIXELS", "Decoded", "decode", "read_bytes", "upright"]

MAX_PIXELS = 1 << 27
"""Larger images are refused by their header: 134 million pixels are 400 MB of RGB."""

_MAX_BYTES = 1 << 30
# The same opened image may be given twice, and Pillow loads it where it lies.
_LOADING = threading.Lock()
_ORIENTATION = 0x0112
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
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
    """

    pixels: np.ndarray
    width: int
    height: int
    mode: str
    format: str


def decode(data: bytes, *, short_side: int | None = None, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decodes the first frame of an image into upright 8-bit RGB.

    Transparency is laid over white, as a page would show it: drawings and cut-outs are
    made for light paper, and the colours hidden under transparent pixels are arbitrary.
    Deeper grey levels are scaled to 8 bits, never clipped. Colour profiles are not applied.

    Args:
        data: The whole file.
        short_side: Pixels that the shorter side needs. A JPEG at least twice that size is
            decoded at 1/2, 1/4 or 1/8 (never below `short_side`), which is much faster.
        max_pixels: Images larger than this are refused before they are decoded.

    Returns:
        The pixels and what the file says of itself.

    Raises:
        ImageError: The file is no image, is damaged, truncated or too large. The message is
            the reason, without a file name. A truncated image is never filled up with grey.
    """
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        image = _open(data)
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError(
                f"too large: {width} x {height} pixels, more than {max_pixels:,} altogether"
            )
        if width < 1 or height < 1:
            raise ImageError(f"damaged: {width} x {height} pixels")
        return _pixels(image, data, short_side)
    except ImageError:
        raise
    except MemoryError:
        raise ImageError("too large for the memory of this machine") from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise ImageError(_reason(error)) from error


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
        raise ImageError("too large for the memory of this machine") from None
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


def _open(data: bytes) -> Any:
    """Reads the header.

    This is the loop of `Image.open` without its test for decompression bombs, which warns
    through the process-wide `warnings` and obeys a process-wide limit; `decode` has its own.
    """
    claimed = ""
    for name, (factory, accept) in _openers().items():
        recognised = accept is None or accept(data[:16])
        if isinstance(recognised, str) or not recognised:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except SyntaxError:  # Pillow's way to say "not my format after all"
            claimed = claimed or name
    if claimed:
        raise ImageError(f"damaged or truncated: it starts like a {claimed} file, and no more")
    raise ImageError(_what_is(data))


def _pixels(image: Any, data: bytes, short_side: int | None) -> Decoded:
    """Loads an opened image; any exception means that it is damaged."""
    mode, form = image.mode, image.format or ""
    header = image.size
    _demand_end(data, form)
    if form in ("JPEG", "MPO") and short_side is not None:
        image.draft(None, (short_side, short_side))
    reduced = image.size != header
    image.load()
    orientation = _orientation(image)
    image = _turned(_to_rgb(image), orientation)
    header = header[::-1] if orientation in _TURNS and orientation >= 5 else header
    # TIFF turns itself while loading, so where nothing was reduced the pixels know best.
    width, height = header if reduced else image.size
    return Decoded(np.asarray(image), width, height, mode, form)


def upright(image: Image.Image) -> np.ndarray:
    """Returns an image that somebody has opened as `decode` gives it, (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If its file is damaged.
    """
    try:
        with _LOADING:
            image.load()
        return np.asarray(_turned(_to_rgb(image), _orientation(image)))
    except Exception as error:
        raise ImageError(_reason(error)) from error


def _turned(image: Any, orientation: int) -> Any:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


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


def _orientation(image: Any) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is common and harmless: take the image as stored
        return 1


def _to_rgb(image: Any) -> Any:
    mode = image.mode
    if mode == "RGB" and "transparency" not in image.info:
        return image
    if mode[0] in "IF":
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] == 255:
            return image.convert("RGB")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    if mode == "LAB":
        from PIL import ImageCms

        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    return image.convert("RGB")


def _eight_bits(levels: np.ndarray) -> np.ndarray:
    """Scales deep grey levels to 8 bits by the depth of the sensor that made them.

    The depth is told from the largest value: 8, 12 or 16 bits (1 or 255 for floats), so
    images of one camera keep their relative brightness. Only what fits none of these
    (negative values, such as Hounsfield units) is stretched by its own range.

    Args:
        levels: (H, W) unsigned, int32 or float32.

    Returns:
        (H, W) uint8.
    """
    values = np.nan_to_num(np.asarray(levels, np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    depths = (1, 255, 4095, 65535) if levels.dtype.kind == "f" else (255, 4095, 65535)
    top = next((float(depth) for depth in depths if high <= depth), high)
    if low < 0 or top not in depths:
        values, top = values - low, max(high - low, 1e-12)
    return np.rint(values * (255 / top)).astype(np.uint8)


_REASONS = {
    "truncated": "truncated: the end of the file is missing",
    "not enough image data": "truncated: the end of the file is missing",
    "unexpected end of file": "truncated: the end of the file is missing",
    "could not create decoder object": "damaged or truncated",
}


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    for clue, reason in _REASONS.items():
        if clue in text.lower():
            return reason
    return f"damaged ({text[:100] or type(error).__name__})"


_MAGIC = (
    (b"%PDF", "a PDF document, not an image"),
    (b"PK\x03\x04", "a ZIP archive, not an image"),
    (b"\x1f\x8b", "a gzip archive, not an image"),
    (b"8BPS", "a Photoshop file; export it as PNG or JPEG"),
    (b"%!PS", "a PostScript drawing; export it as PNG"),
    (b"\x93NUMPY", "a NumPy array; save it as PNG"),
    (b"version https://git-lfs", "a Git LFS pointer, not the image; run `git lfs pull`"),
)
_BRANDS = {
    b"heic": "a HEIC image; convert it to JPEG",
    b"heix": "a HEIC image; convert it to JPEG",
    b"mif1": "a HEIF image; convert it to JPEG",
    b"avif": "an AVIF image, which this Pillow cannot read; convert it to JPEG",
}


def _what_is(data: bytes) -> str:
    """Names what is not an image for what it is."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video, not an image")
    if data[128:132] == b"DICM":
        return "a DICOM file; export it as PNG"
    head = data[:2048]
    if not head.strip(b"\0"):
        return "only zero bytes, not an image"
    try:
        text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    except UnicodeDecodeError as error:
        # Cut at 2048 bytes, the last character may be incomplete.
        if error.start < len(head) - 4 or len(head) < 2048:
            return "not an image of any known format"
        text = head[: error.start].decode(errors="replace")
    text = text.lstrip("\ufeff \t\r\n").lower()
    if "<svg" in text:
        return "an SVG drawing, which has no pixels; export it as PNG"
    if text.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "a web page (HTML), perhaps a failed download"
    if text.startswith("<?xml"):
        return "an XML file, not an image"
    if text.startswith(("{", "[")):
        return "a JSON file, not an image"
    if all(letter.isprintable() or letter in "\t\r\n\f" for letter in text):
        return "a text file, not an image"
    return "not an image of any known format"
