"""What a file may cost: hostile images are refused by their structure, before they are decoded.

A file of a few bytes can ask for gigabytes or minutes: a size in a header, thousands of scans,
millions of empty segments. `demand_sound` looks at the bytes before Pillow opens them, where
opening alone is dear; `demand_affordable` at what Pillow has read of the header.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from headstart.errors import ImageError
from headstart.images.deep import is_deep
from headstart.images.frames import gif_blocks

__all__ = ["MAX_PIXELS", "demand_affordable", "demand_size", "demand_sound"]

MAX_PIXELS = 1 << 27
"""Larger images are refused by their header: 134 million pixels are 400 MB of RGB."""

# Peak memory of a decoding for each pixel, in bytes: what Pillow holds (four for any colours), the
# RGB array, and what a format's own library keeps beside them. Measured.
_PIXEL_BYTES = {"1": 4, "L": 4, "P": 5, "I;16": 9, "I;16B": 9, "I": 14, "F": 14}
_COLOUR_BYTES = 8
_DEEP_COLOUR_BYTES = 24
_LIBRARY_BYTES = {"WEBP": 8, "AVIF": 6, "JPEG2000": 12}
# Pillow keeps a pointer a row and rounds rows up, of the image and of the one it is converted to.
_ROW_BYTES = 24
_WEBP_BYTES = _COLOUR_BYTES + _LIBRARY_BYTES["WEBP"]
_BYTES_A_PIXEL = 8
# A file with less than 1/64 byte a pixel shows nothing; of those only what costs little is decoded.
_TINY = 64
_TINY_BYTES = 320 << 20
_ICON_PIXELS = 1 << 22
_RUN_LENGTH_PIXELS = 1 << 22
_PLAIN_BYTES = 1_000_000
_COMMENTS = 1_000
_HEADER_BYTES = 1 << 16
# Pillow reads these one by one in Python. Real files hold a few, extended metadata thousands.
_PIECES = 20_000
_SCANS = 100
# Of a scan of one pixel each: more than 20 scans, which nobody needs, must be of a small image.
_SCANNED_PIXELS = 1 << 30
_FEW_SCANS = 20


def demand_sound(data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Refuses what is dear to open already.

    Args:
        data: The whole file.
        max_pixels: Larger images are refused.

    Raises:
        ImageError: With the reason.
    """
    for magic, check in _CHECKS:
        if data.startswith(magic):
            check(data, max_pixels)
            return


def demand_affordable(image: Any, data: bytes, max_pixels: int = MAX_PIXELS) -> None:
    """Refuses an opened image that would take too much memory or time to load.

    Args:
        image: As Pillow opened it, and reduced by `draft` where it will be.
        data: The whole file.
        max_pixels: Larger images are refused.

    Raises:
        ImageError: With the reason.
    """
    width, height = image.size
    demand_size(width, height, max_pixels)
    form = image.format or ""
    need = height * (width * _bytes_of(image, form) + _ROW_BYTES)
    if form == "TIFF":
        need += _tile_bytes(image, max_pixels)
    elif form in ("JPEG", "MPO"):
        need += _demand_few_scans(image, data)
    if need > _BYTES_A_PIXEL * max_pixels:
        raise ImageError(f"too large: {width} x {height} pixels would take {need >> 20:,} MB")
    if need > _TINY_BYTES and len(data) * _TINY < width * height:
        raise ImageError(
            f"too large for so small a file: {width} x {height} pixels in {len(data):,} bytes; "
            "save it smaller, if it shows anything"
        )


def demand_size(width: int, height: int, max_pixels: int) -> None:
    """Refuses an image by its width and height.

    Raises:
        ImageError: With the reason.
    """
    if width < 1 or height < 1:
        raise ImageError(f"damaged: {width} x {height} pixels")
    if width * height > max_pixels:
        raise ImageError(
            f"too large: {width} x {height} pixels, more than {max_pixels:,} altogether"
        )


def _bytes_of(image: Any, form: str) -> int:
    own = _PIXEL_BYTES.get(image.mode, _COLOUR_BYTES)
    if own == _COLOUR_BYTES and is_deep(image):
        own = _DEEP_COLOUR_BYTES
    return own + _LIBRARY_BYTES.get(form, 0)


def _tile_bytes(image: Any, max_pixels: int) -> int:
    """Returns what one tile of a TIFF takes; libtiff unpacks it whole, however small the image."""
    tags = image.tag_v2
    wide, high = tags.get(322, 0), tags.get(323, 0)
    if not (isinstance(wide, int) and isinstance(high, int)):
        raise ImageError("damaged: a tile without width or height")
    if wide * high > max_pixels:
        raise ImageError(
            f"too large: tiles of {wide} x {high} pixels, more than {max_pixels:,} altogether"
        )
    bits = tags.get(258, (1,))
    deepest = max((each for each in bits if isinstance(each, int)), default=8)
    samples = tags.get(277, 1)
    return wide * high * (samples if isinstance(samples, int) else 1) * deepest // 8


def _demand_few_scans(image: Any, data: bytes) -> int:
    """Refuses a JPEG of endless scans, and returns the bytes its coefficients are held in."""
    begin = _first_scan(data)
    parts = getattr(image, "layers", 3)
    several = image.info.get("progressive") or (
        begin and data[begin + 4 : begin + 5] < bytes([parts])
    )
    if not begin or not several:
        return 0  # one scan, decoded line by line
    width, height = _full_size(image)
    # These two bytes occur in metadata too: only where they are frequent is it looked at closely.
    scans = data.count(b"\xff\xda", begin)
    if scans > _FEW_SCANS:
        scans = _count_scans(data, begin)
    if scans > _SCANS or (scans > _FEW_SCANS and scans * width * height > _SCANNED_PIXELS):
        raise ImageError(
            f"a JPEG of {'over ' * (scans > _SCANS)}{min(scans, _SCANS)} scans, as attacks have "
            "them; save it again if it is an honest image"
        )
    blocks = [across * down for _, across, down, _ in image.layer] or [1]
    return 2 * width * height * sum(blocks) // max(blocks)


def _full_size(image: Any) -> tuple[int, int]:
    """Returns the size that the header states, whatever `draft` made of it."""
    if image.decoderconfig:
        scale = image.decoderconfig[0]
        return image.size[0] * scale, image.size[1] * scale
    return image.size


def _first_scan(data: bytes) -> int:
    """Returns where a JPEG's first scan begins, 0 if nowhere.

    Raises:
        ImageError: If too many segments, or too much between them, come before it.
    """
    position, junk = 2, 0
    for _ in range(_PIECES):
        start = data.find(b"\xff", position)
        if start < 0:
            return 0
        junk += start - position
        marker = data[start + 1 : start + 2]
        if marker == b"\xda":
            return start
        if marker in (b"", b"\xd9"):
            return 0
        if marker[0] in (0x00, 0xFF):
            junk += 1
            position = start + (2 if marker[0] == 0 else 1)
        elif 0xD0 <= marker[0] <= 0xD8 or marker[0] == 1:
            position = start + 2
        else:
            position = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4]))
        if junk > _HEADER_BYTES:
            break
    raise ImageError(f"a JPEG of over {_PIECES:,} segments, or of junk between them: damaged")


_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")


def _count_scans(data: bytes, begin: int) -> int:
    """Counts the scans of a JPEG from its first on, up to one more than are allowed."""
    scans, position = 0, begin
    for _ in range(_PIECES):
        found = _MARKER.search(data, position)
        if found is None or data[found.start() + 1] == 0xD9:
            break
        scans += data[found.start() + 1] == 0xDA
        if scans > _SCANS:
            break
        position = found.end()
        position += max(2, int.from_bytes(data[position : position + 2]))
    else:
        return _SCANS + 1
    return scans


def _check_jpeg(data: bytes, max_pixels: int) -> None:
    _first_scan(data)


def _check_png(data: bytes, max_pixels: int) -> None:
    position, most = 8, _PIECES + len(data) // 512
    for _ in range(most):
        if position + 8 > len(data):
            return
        position += 12 + int.from_bytes(data[position : position + 4])
    raise ImageError(f"a PNG of over {most:,} chunks: damaged")


def _check_gif(data: bytes, max_pixels: int) -> None:
    """Counts what comes before the first frame, and after it what tells of a second."""
    total = 0
    for kind, parts in gif_blocks(data, frames=2):
        total += 1 + (parts if kind == b"!" else 0)
        if total > 2 * _PIECES:
            raise ImageError("a GIF of endless comments: damaged")


def _check_bmp(data: bytes, max_pixels: int) -> None:
    if len(data) < 34 or data[14] < 40 or data[30] not in (1, 2):
        return
    width, height = struct.unpack_from("<ii", data, 18)
    if abs(width * height) > _RUN_LENGTH_PIXELS:  # read pixel by pixel in Python
        raise ImageError(
            f"too large: {abs(width)} x {abs(height)} pixels in a run-length encoded BMP; "
            "save it as PNG"
        )


def _check_webp(data: bytes, max_pixels: int) -> None:
    """Reads the size, since opening takes memory for all of it."""
    kind, body = data[12:16], data[20:30]
    if data[8:12] != b"WEBP" or len(body) < 10:
        return
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
    elif kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(body[i : i + 2], "little") & 0x3FFF for i in (6, 8))
    if width and height:
        demand_size(width, height, max_pixels * _BYTES_A_PIXEL // _WEBP_BYTES)
        if width * height * _WEBP_BYTES > _TINY_BYTES and len(data) * _TINY < width * height:
            raise ImageError(
                f"too large for so small a file: {width} x {height} pixels in {len(data):,} bytes"
            )


_COMMENT = re.compile(rb"#[^\r\n]*[\r\n]")


def _check_pnm(data: bytes, max_pixels: int) -> None:
    """Plain numbers and headers are read byte by byte in Python."""
    plain = data[1:2] in b"123"
    if plain and (len(data) > _PLAIN_BYTES or data.count(b"#") > _COMMENTS):
        raise ImageError(f"too large: {len(data):,} bytes of a PNM in plain text; save it as PNG")
    head = _COMMENT.sub(b" ", data[2:_HEADER_BYTES])
    if len(data) > _HEADER_BYTES and len(head.split(maxsplit=3)) < 3:
        raise ImageError("a PNM whose header does not end: damaged")


def _check_icon(data: bytes, max_pixels: int) -> None:
    """Looks at the frames inside, which Pillow decodes while it opens the file."""
    (count,) = struct.unpack_from("<H", data.ljust(6, b"\0"), 4)
    for number in range(min(count, len(data) // 16)):
        (start,) = struct.unpack_from("<I", data.ljust(22 + 16 * number, b"\0"), 18 + 16 * number)
        body = data[start : start + 16]
        if len(body) == 16 and not body.startswith(b"\x89PNG"):
            width, height = struct.unpack_from("<ii", body, 4)
            demand_size(max(1, abs(width)), max(1, abs(height) // 2), _ICON_PIXELS)
    # Whatever place they have in a PNG: the last header counts, not the first.
    for found in re.finditer(rb"IHDR", data):
        sides = data[found.end() : found.end() + 8]
        if len(sides) == 8:
            width, height = struct.unpack(">II", sides)
            demand_size(max(1, width), max(1, height), _ICON_PIXELS)


_CHECKS: tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes, int], None]], ...] = (
    (b"\xff\xd8", _check_jpeg),
    (b"\x89PNG", _check_png),
    (b"GIF8", _check_gif),
    (b"BM", _check_bmp),
    (b"RIFF", _check_webp),
    ((b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"Pf", b"PF", b"Py"), _check_pnm),
    (b"\0\0\1\0", _check_icon),
)
