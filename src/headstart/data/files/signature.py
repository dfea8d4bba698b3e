"""Whether a file begins as images do, whatever its name ends with."""

from __future__ import annotations

import os

__all__ = ["begins_like_image", "is_annotation"]

# Never images, and in some sets there is one of them beside each image: not worth opening.
_TEXTS = frozenset(
    {
        *(".txt", ".xml", ".json", ".csv", ".tsv", ".md", ".html", ".htm", ".yaml", ".yml"),
        *(".parquet", ".py", ".ipynb", ".log", ".ini", ".db", ".pdf", ".zip", ".npy", ".npz"),
    }
)
# They begin like a TIFF file, and what Pillow finds in them is a small preview.
_RAW = frozenset(
    {
        *(".cr2", ".nef", ".arw", ".dng", ".orf", ".rw2", ".pef", ".srw", ".nrw", ".sr2"),
        *(".3fr", ".iiq", ".erf", ".mef", ".mos", ".kdc", ".dcr", ".raw"),
    }
)
_STARTS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*",
    b"II+\0", b"MM\0+",
    b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51",
)  # fmt: skip
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1")
_BITMAPS = (12, 40, 52, 56, 64, 108, 124)  # lengths of the second header of a BMP file


def is_annotation(name: str) -> bool:
    """Tells by its ending that a file is text, an archive or a camera's raw file."""
    ending = os.path.splitext(name)[1].lower()
    return ending in _TEXTS or ending in _RAW


def begins_like_image(path: str) -> bool:
    """Tells whether a file's first bytes are those of an image; False if it cannot be opened."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(32)
    except OSError:
        return False
    if head.startswith(_STARTS):
        return True
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return True
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAPS
