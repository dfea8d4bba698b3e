"""Films whose containers say what a test wants: any time for each frame, a rotation, a lie."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from headstart.images.video import Writer

__all__ = ["film_of", "grey", "retimed"]

_INSIDE = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
_SCALE = 10_000  # ticks a second


def grey(level: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Returns a frame of one brightness, of (width, height)."""
    width, height = size
    return np.full((height, width, 3), level, np.uint8)


def film_of(path: Path, frames: Iterable[np.ndarray], *, rate: float = 10) -> Path:
    """Writes frames at a constant rate."""
    writer = Writer(path, rate=rate)
    for at, frame in enumerate(frames):
        writer.add(frame, at / rate)
    writer.close()
    return path


def retimed(
    path: Path,
    times: Sequence[float],
    *,
    last: float = 0.1,
    claimed: float | None = None,
    turned: bool = False,
) -> Path:
    """Rewrites the index of an `.mp4`, as a phone would have written it.

    Args:
        path: Of as many frames as there are times.
        times: Seconds from the beginning.
        last: Seconds that the last frame stands.
        claimed: Seconds that the container says it has; by default the truth.
        turned: Say that it is to be shown a quarter turned, as a phone held upright does.
    """
    data = path.read_bytes()
    ticks = np.round(np.append(times, times[-1] + last) * _SCALE).astype(int)
    total = round(claimed * _SCALE) if claimed is not None else int(ticks[-1])
    found = {kind: (at, size) for at, size, kind in _boxes(data, 0, len(data))}
    assert found[b"moov"][0] > found[b"mdat"][0], "offsets into the frames must stay"
    path.write_bytes(_rewritten(data, 0, len(data), np.diff(ticks), total, turned))
    return path


def _boxes(data: bytes, low: int, high: int) -> Iterator[tuple[int, int, bytes]]:
    while low + 8 <= high:
        size, kind = struct.unpack(">I4s", data[low : low + 8])
        yield low, size, kind
        low += size


def _rewritten(
    data: bytes, low: int, high: int, steps: np.ndarray, total: int, turned: bool
) -> bytes:
    parts = []
    for at, size, kind in _boxes(data, low, high):
        body = bytearray(data[at + 8 : at + size])
        if kind in _INSIDE:
            body = bytearray(_rewritten(data, at + 8, at + size, steps, total, turned))
        elif kind in (b"mvhd", b"mdhd"):
            struct.pack_into(">II", body, 12, _SCALE, total)
        elif kind == b"tkhd":
            struct.pack_into(">I", body, 20, total)
            if turned:
                one = 1 << 16
                struct.pack_into(">9i", body, 40, 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
        elif kind == b"elst":
            struct.pack_into(">I", body, 8, int(steps.sum()))
        elif kind == b"stts":
            body[4:] = struct.pack(">I", len(steps))
            body += b"".join(struct.pack(">II", 1, int(step)) for step in steps)
        parts.append(struct.pack(">I4s", len(body) + 8, kind) + body)
    return b"".join(parts)
