"""What a file that cannot be decoded is, in plain words."""

from __future__ import annotations

from typing import Any

from headstart.images.frames import tiff_directories

__all__ = ["reason_of", "what_is", "what_tiff_is"]

_REASONS = {
    "truncated": "truncated: the end of the file is missing",
    "not enough image data": "truncated: the end of the file is missing",
    "unexpected end of file": "truncated: the end of the file is missing",
    "could not create decoder object": "damaged or truncated",
}


def reason_of(error: Exception) -> str:
    """Returns one plain reason for what Pillow raised."""
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


def what_is(data: bytes) -> str:
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


_SAMPLES = {1: "unsigned", 2: "signed", 3: "float", 5: "complex", 6: "complex"}
_SCHEMES = {
    34712: "JPEG 2000", 34887: "LERC", 34892: "lossy DNG", 50001: "WebP", 50002: "JPEG XL",
    52546: "JPEG XL", 34925: "LZMA", 34926: "Zstandard", 50000: "Zstandard",
}  # fmt: skip


def what_tiff_is(data: bytes) -> str:
    """Tells why Pillow does not read a TIFF: what its header says it holds.

    Returns:
        The reason, empty where the header itself is damaged.
    """
    from PIL.TiffImagePlugin import COMPRESSION_INFO

    try:
        tags: Any = next(tiff_directories(data), {})
        bands, bits = tags.get(277, 1), tags.get(258, (1,))
        kind = _SAMPLES.get(_first(tags.get(339, (1,))), "unknown")
        scheme, planes = tags.get(259, 1), tags.get(284, 1)
        if not (tags.get(256) and tags.get(257)):
            return ""
    except Exception:  # damaged anywhere
        return ""
    if scheme not in COMPRESSION_INFO:
        name = _SCHEMES.get(scheme, f"number {scheme}")
        return f"a TIFF compressed by {name}, which cannot be read: save it without, or as PNG"
    plain = kind == "unsigned" and _first(bits) in (1, 8, 16) and planes == 1
    if plain and bands in (1, 3, 4):
        return ""  # as any other: it is the file that is damaged
    held = f"{bands} band{'s' * (bands != 1)} of {_first(bits)} bits"
    held += {"unsigned": "", "float": " (floating point)"}.get(kind, f" ({kind})")
    held += " in separate planes" * (planes == 2 and bands > 1)
    if bands in (1, 3, 4):
        return f"a TIFF with {held}, which cannot be read: save it as PNG of 8 or 16 bits"
    wanted = "three of them" if bands > 2 else "one of them"
    return f"a TIFF with {held}, which cannot be read: export {wanted} as PNG"


def _first(value: Any) -> int:
    return int(value[0]) if isinstance(value, tuple) else int(value)
