"""`ImageCache`: what the caches know of image files, and one decoding where they know nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.errors import ImageError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import Decoded, decode, no_memory, read_bytes
from headstart.images.preprocess import Preprocess
from headstart.images.stats import STATS_SIDE, THUMB, SingleImageStats, image_stats
from headstart.images.store import Store, cache_folder

__all__ = ["CachedImage", "ImageCache", "cacheable", "pixel_store_of", "square_key"]

_CACHEABLE_BYTES = 6 << 30
# With a number that is raised when the stats below, or how they are measured, change.
_STATS_FOLDER = "stats-2"
_STATS_DTYPE = np.dtype(
    [
        ("width", "<i4"),
        ("height", "<i4"),
        ("mode", "S8"),
        ("format", "S8"),
        ("contrast", "<f4"),
        ("dhash", "u1", 32),
        ("thumbnail", "u1", (THUMB, THUMB, 3)),
        ("low", "<f8"),
        ("high", "<f8"),
        ("several", "?"),
        ("spare", "?"),
    ]
)


def pixel_store_of(preprocess: Preprocess) -> Store:
    """Opens the cache of the input images that one `Preprocess` makes."""
    return Store(cache_folder() / "pixels" / preprocess.pixel_key, dtype=np.uint8)


def cacheable(count: int, preprocess: Preprocess, positions: tuple[float, ...]) -> bool:
    """Tells whether so many input images are kept in the cache at all."""
    return count * preprocess.size**2 * 3 * len(positions) <= _CACHEABLE_BYTES


def square_key(key: bytes, position: float) -> bytes:
    """Returns the key of an image's square in that cache, from its content fingerprint."""
    return fingerprint_bytes(key + str(position).encode())


@dataclass(frozen=True)
class CachedImage:
    """What is known of one file.

    Attributes:
        key: Its content fingerprint; empty where it could not even be read.
        stats: None where it cannot be decoded.
        fresh_stats: Whether these are not in the cache yet.
        inputs: (V, size, size, 3) uint8 where they were wanted.
        fresh_pixels: (key, pixels) that are not in the cache yet.
        error: Why it cannot be read or decoded.
    """

    key: bytes
    stats: SingleImageStats | None = None
    fresh_stats: bool = False
    inputs: np.ndarray | None = None
    fresh_pixels: tuple[tuple[bytes, np.ndarray], ...] = ()
    error: str = ""


class ImageCache:
    """The caches of statistics and of input images; several threads may load.

    Args:
        preprocess: How images are fitted; None for statistics alone.
        positions: Crop positions, V of them.
        count: Images in all; where there are too many, no pixels are kept.
    """

    def __init__(
        self, preprocess: Preprocess | None, *, positions: tuple[float, ...], count: int
    ) -> None:
        self._preprocess, self._positions = preprocess, positions
        self._stats = Store(cache_folder() / _STATS_FOLDER, dtype=np.uint8)
        self._pixels = None if preprocess is None else pixel_store_of(preprocess)
        self._keeps = preprocess is not None and cacheable(count, preprocess, positions)

    def load(self, path: Path, wants: Callable[[bytes], bool]) -> CachedImage:
        """Answers from the caches where they can, and decodes at most once where they cannot.

        Args:
            path: Of the file.
            wants: Whether the pixels under this content fingerprint are needed.

        Raises:
            HeadstartError: If this machine has no memory left.
        """
        key = b""
        try:
            data = read_bytes(path)
            key = fingerprint_bytes(data)
            return self._load(data, key, wants)
        except ImageError as error:
            return CachedImage(key, error=str(error))
        except MemoryError:  # while it was fitted or measured
            raise no_memory() from None

    def keep(self, image: CachedImage) -> None:
        """Adds what was new about an image; of one thread only."""
        if image.fresh_stats and image.stats is not None:
            self._stats.add(image.key, _pack(image.stats))
        if self._pixels is not None and self._keeps:
            for key, pixels in image.fresh_pixels:
                self._pixels.add(key, pixels)

    def refresh(self) -> None:
        """Takes in what other processes have added."""
        self._stats.refresh()
        if self._pixels is not None:
            self._pixels.refresh()

    def flush(self) -> None:
        """Writes to disk what was added."""
        self._stats.flush()
        if self._pixels is not None:
            self._pixels.flush()

    def _load(self, data: bytes, key: bytes, wants: Callable[[bytes], bool]) -> CachedImage:
        packed = self._stats.get(key)
        known = None if packed is None else _unpack(packed)
        preprocess = self._preprocess if self._preprocess is not None and wants(key) else None
        if preprocess is None:
            if known is not None:
                return CachedImage(key, known)
            return CachedImage(key, image_stats(decode(data, short_side=STATS_SIDE)), True)
        assert self._pixels is not None
        keys = [square_key(key, position) for position in self._positions]
        kept = [self._pixels.get(each) for each in keys]
        decoded: Decoded | None = None
        if known is None or any(each is None for each in kept):
            decoded = decode(data, short_side=preprocess.decoding_side, levels=preprocess.levels)
        inputs, fresh = [], []
        for each_key, position, pixels in zip(keys, self._positions, kept, strict=True):
            if pixels is None:
                assert decoded is not None
                fitted = preprocess.fit(decoded.pixels, position=position)
                small = _is_small(decoded.pixels, preprocess)
                fresh.append((each_key, decoded.pixels if small else fitted))
                pixels = fitted
            elif pixels.shape[:2] != (preprocess.size, preprocess.size):
                pixels = preprocess.fit(pixels, position=position)
            inputs.append(pixels)
        stats = known
        if stats is None:
            assert decoded is not None
            larger = preprocess.decoding_side > STATS_SIDE and decoded.format in ("JPEG", "MPO")
            if larger or decoded.deep:
                # A larger network may have had it decoded at another scale; and what can be seen on
                # a deep image does not depend on the brightness of others.
                decoded = decode(data, short_side=STATS_SIDE)
            stats = image_stats(decoded)
        return CachedImage(key, stats, known is None, np.stack(inputs), tuple(fresh))


def _is_small(pixels: np.ndarray, preprocess: Preprocess) -> bool:
    """Tells whether an image is kept as it is: enlarging is cheap, disk is not.

    Not so of a face: to find it again is dear.
    """
    return preprocess.faces is None and pixels.shape[0] * pixels.shape[1] < preprocess.size**2


def _pack(stats: SingleImageStats) -> np.ndarray:
    row = np.zeros((), _STATS_DTYPE)
    for name in set(_STATS_DTYPE.names or ()) - {"mode", "format"}:
        row[name] = getattr(stats, name)
    row["mode"], row["format"] = stats.mode.encode(), stats.format.encode()
    return np.frombuffer(row.tobytes(), np.uint8)


def _unpack(packed: np.ndarray) -> SingleImageStats | None:
    if packed.size != _STATS_DTYPE.itemsize:
        return None
    row = np.frombuffer(packed.tobytes(), _STATS_DTYPE)[0]
    return SingleImageStats(
        width=int(row["width"]),
        height=int(row["height"]),
        mode=row["mode"].decode(),
        format=row["format"].decode(),
        contrast=float(row["contrast"]),
        dhash=row["dhash"],
        thumbnail=row["thumbnail"],
        low=float(row["low"]),
        high=float(row["high"]),
        several=bool(row["several"]),
        spare=bool(row["spare"]),
    )
