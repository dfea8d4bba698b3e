"""Small files that ask for much: one function an attack, and the honest files beside them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def png(levels: np.ndarray, *, colour: int | None = None, extra: bytes = b"") -> bytes:
    """A PNG of (H, W) or (H, W, C) uint8 or uint16, which Pillow does not write for colours."""
    height, width = levels.shape[:2]
    channels = 1 if levels.ndim == 2 else levels.shape[2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if colour is None else colour
    depth = 8 * levels.dtype.itemsize
    rows = levels.astype(f">u{levels.dtype.itemsize}").reshape(height, -1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
    return start + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def flat_png(side: int, *, channels: int = 4, depth: int = 8) -> bytes:
    """A large PNG of nothing but zeros, made without holding it."""
    line, packer = bytes(1 + side * channels * depth // 8), zlib.compressobj(9)
    body = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    )


def tiff(
    levels: np.ndarray,
    *,
    light: int = 1,
    extra: tuple[int, ...] = (),
    more: dict[int, int] | None = None,
) -> bytes:
    """An uncompressed little-endian TIFF of one strip, of any number and kind of bands."""
    height, width = levels.shape[:2]
    bands = 1 if levels.ndim == 2 else levels.shape[2]
    kind = {"u": 1, "i": 2, "f": 3}[levels.dtype.kind]
    values = {
        256: [width], 257: [height], 258: [8 * levels.dtype.itemsize] * bands, 259: [1],
        262: [light], 273: [0], 277: [bands], 278: [height], 279: [levels.nbytes], 284: [1],
        338: list(extra), 339: [kind] * bands,
    } | {tag: [value] for tag, value in (more or {}).items()}  # fmt: skip
    values = {tag: value for tag, value in sorted(values.items()) if value}
    place = 8 + 2 + 12 * len(values) + 4
    tail, lines = b"", []
    for tag, value in values.items():
        wide = tag in (273, 279, 322, 323)
        packed = struct.pack(f"<{len(value)}{'I' if wide else 'H'}", *value)
        if len(packed) > 4:
            packed, tail = struct.pack("<I", place + len(tail)), tail + packed
        lines.append([tag, 4 if wide else 3, len(value), packed.ljust(4, b"\0")])
    for line in lines:
        if line[0] == 273:
            line[3] = struct.pack("<I", place + len(tail))
    head = b"II*\0" + struct.pack("<IH", 8, len(lines))
    body = b"".join(struct.pack("<HHI", *line[:3]) + line[3] for line in lines)
    return head + body + bytes(4) + tail + levels.tobytes()


def tiled_tiff(tile: int, *, high: int = 1) -> bytes:
    """A TIFF one pixel wide, and as a rule one high, in one tile of zeros."""
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(tile)) for _ in range(tile)) + packer.flush()
    start = 8 + 2 + 12 * 10 + 4
    tags = ((256, 1), (257, high), (258, 8), (259, 8), (262, 1), (277, 1), (322, tile), (323, tile),
            (324, start), (325, len(body)))  # fmt: skip
    lines = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + lines + bytes(4) + body


def icon(frame: bytes) -> bytes:
    """An icon that says it is of 16 x 16 pixels, whatever its frame is."""
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(frame), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + frame


def many_scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    whole = encode(Image.new("RGB", (side, side)), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rfind(b"\xff\xda") : -2] * count + whole[-2:]


def inserted(whole: bytes, at: int, what: bytes) -> bytes:
    return whole[:at] + what + whole[at:]


def run_length_bmp(side: int, kind: int) -> bytes:
    bits = 8 if kind == 1 else 4
    head = struct.pack("<IiiHHIIIIII", 40, side, side, 1, bits, kind, 0, 0, 0, 256, 0)
    start = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + 1024)
    return start + head + bytes(1024) + b"\xff\0" * (side * side // 255 + side)


def bombs() -> dict[str, bytes]:
    """Every attack by its name."""
    jpeg = encode(Image.new("RGB", (64, 64)), "JPEG")
    slow = encode(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    gif = encode(Image.new("P", (64, 64)), "GIF")
    table = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 128 else 0)
    drawn = encode(Image.new("RGB", (64, 64)), "PNG")
    twice = chunk(b"IHDR", struct.pack(">IIBBBBB", 4_000, 4_000, 8, 6, 0, 0, 0))
    empty = encode(Image.new("RGB", (16, 16)), "WEBP", lossless=True)
    wide = struct.pack("<I", 8190 | 8190 << 14)
    return {
        "JPEG of 2,700 scans": many_scans(1000, 2700),
        "JPEG of 80 scans of 16 million pixels": many_scans(4096, 70),
        "JPEG of scans in sequence": inserted(
            jpeg, len(jpeg) - 2, jpeg[jpeg.rfind(b"\xff\xda") : -2] * 200
        ).replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\2", 1),
        "JPEG of many segments": inserted(jpeg, 2, b"\xff\xe5\0\2" * 2_000_000),
        "JPEG of junk": inserted(jpeg, 2, bytes(9_000_000)),
        "JPEG of padding": inserted(jpeg, 2, b"\xff" * 9_000_000),
        "JPEG of escapes": inserted(slow, 2, b"\xff\0" * 4_500_000),
        "GIF of comments": inserted(gif, table, b"!\xfe\1a\0" * 1_900_000),
        "GIF of one comment of many parts": inserted(gif, table, b"!\xfe" + b"\1a" * 4_500_000),
        "GIF of junk": inserted(gif, table, b"x" * 9_000_000),
        "PNG of text chunks": inserted(drawn, 33, chunk(b"tEXt", b"") * 800_000),
        "PNG of empty data chunks": inserted(drawn, 33, chunk(b"IDAT", b"") * 800_000),
        "PNG of chunks behind the image": inserted(
            drawn, len(drawn) - 12, chunk(b"tEXt", b"a\0b") * 600_000
        ),
        "PNG of nothing, 42 million pixels": flat_png(6500),
        "PNG of nothing, 16 bits of grey": flat_png(6200, channels=1, depth=16),
        "PNG of nothing, 16 bits of colour": flat_png(5000, channels=3, depth=16),
        "TIFF of nothing": encode(
            Image.new("RGB", (6500, 6500)), "TIFF", compression="tiff_deflate"
        ),
        "TIFF of one huge tile": tiled_tiff(16_384),
        "TIFF of one large tile": tiled_tiff(8_208),
        "TIFF one pixel wide and 67 million high": tiled_tiff(64, high=1 << 26),
        "PGM one pixel wide and 67 million high": b"P5\n1 67108864\n255\n" + bytes(99),
        "BMP one pixel wide and 67 million high": b"BM"
        + struct.pack("<IHHI", 0, 0, 0, 54)
        + struct.pack("<IiiHHIIIIII", 40, 1, 1 << 26, 1, 24, 0, 0, 0, 0, 0, 0)
        + bytes(99),
        "WebP of nothing": inserted(empty, 21, wide)[: 25 + 8],
        "ICO that holds a large PNG": icon(flat_png(4_000)),
        "ICO whose PNG has two headers": icon(inserted(drawn, 33, twice)),
        "ICO that holds a large bitmap": icon(
            struct.pack("<IiiHHIIIIII", 40, 4_000, 8_000, 1, 32, 0, 0, 0, 0, 0, 0) + bytes(999)
        ),
        "BMP of runs": run_length_bmp(8191, 1),
        "BMP of short runs": run_length_bmp(8191, 2),
        "PPM of comments": b"P3\n64 64\n255\n" + b"#\n" * 4_900_000,
        "PPM of a megabyte of comments": b"P3\n64 64\n255\n" + b"#\n" * 490_000,
        "PBM of comments": b"P1\n64 64\n" + b"#\n" * 4_900_000,
        "PPM of comments in its header": b"P6\n" + b"#\n" * 4_900_000 + b"64 64\n255\n",
    }
