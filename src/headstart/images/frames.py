"""What a file holds beside the image that is read: further frames or pages, and further bands."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

__all__ = ["first_of_several", "gif_blocks", "spare_bands", "tiff_directories"]

_DIRECTORIES = 16
_BLOCKS = 40_000
# A reduced version, or a mask, of the page before: no page of its own.
_NO_PAGE = 1 | 4


def first_of_several(image: Any, data: bytes) -> bool:
    """Tells whether an opened image is the first of several frames or pages.

    Args:
        image: As Pillow opened it; smaller versions of it in the same file do not count.
        data: The whole file.
    """
    form = image.format
    if form == "GIF":
        return sum(kind == b"," for kind, _ in gif_blocks(data, frames=2)) > 1
    if form == "TIFF":
        pages = [tags.get(254, 0) for tags in tiff_directories(data)]
        return sum(not (isinstance(each, int) and each & _NO_PAGE) for each in pages[1:]) > 0
    return form in ("PNG", "WEBP", "AVIF") and bool(getattr(image, "is_animated", False))


def spare_bands(image: Any) -> bool:
    """Tells whether an opened image has bands that are not read, near infrared for one."""
    samples = image.tag_v2.get(277, 1) if image.format == "TIFF" else 1
    return isinstance(samples, int) and samples > len(image.getbands())


def gif_blocks(data: bytes, *, frames: int) -> Iterator[tuple[bytes, int]]:
    """Yields the kind and the number of parts of a GIF's blocks.

    Args:
        data: The whole file.
        frames: Where to stop: after the beginning of as many frames.

    Yields:
        ``b","`` for a frame, ``b"!"`` for an extension, else a byte that has no business there.
        Of blocks of endless parts the count is cut off at 40,000.
    """
    flags = data[10] if len(data) > 10 else 0
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while position < len(data):
        kind = data[position : position + 1]
        position += 1
        parts = 0
        if kind == b";":
            return
        if kind == b",":
            frames -= 1
            if not frames:
                yield kind, 0
                return
            flags = data[position + 8] if position + 8 < len(data) else 0
            position += 10 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        elif kind == b"!":
            position += 1
        if kind in (b",", b"!"):
            while position < len(data) and data[position] and parts < _BLOCKS:
                position += 1 + data[position]
                parts += 1
            position += 1
        yield kind, parts
        if parts == _BLOCKS:
            return


def tiff_directories(data: bytes) -> Iterator[Any]:
    """Yields the directories of a TIFF, as Pillow's `ImageFileDirectory_v2`; at most 16."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    big = data[2:4] in (b"+\0", b"\0+")
    head = data[: 16 if big else 8]
    stream = io.BytesIO(data)
    place = ImageFileDirectory_v2(head).next
    for _ in range(_DIRECTORIES):
        if not 0 < place < len(data):
            return
        tags = ImageFileDirectory_v2(head)
        stream.seek(place)
        tags.load(stream)
        yield tags
        place = tags.next or 0
