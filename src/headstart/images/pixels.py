"""One pass over the files: read, fingerprint, decode once, measure, fit to the network's square.

Decoding runs in threads (Pillow releases the interpreter's lock) a bounded distance ahead of
whoever consumes the pixels, so decoding and the network overlap and memory stays flat.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.errors import ImageError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import Decoded, decode, read_bytes
from headstart.images.preprocess import Preprocess
from headstart.images.stats import STATS_SIDE, THUMB, ImageStats, SingleImageStats, image_stats
from headstart.images.store import Store, cache_folder

__all__ = [
    "cacheable",
    "cpu_count",
    "measure",
    "pixel_store_of",
    "read_pixels",
    "square_key",
]

_AHEAD_BYTES = 96 << 20
_TASK = 8
# Per image; what takes longer is decoded, or read from a slow disk, and gains by threads.
_SLOW_SECONDS = 0.0015
_CACHEABLE_BYTES = 6 << 30
# With a number that is raised when the stats below, or how they are measured, change.
_STATS_FOLDER = "stats-1"
_STATS_DTYPE = np.dtype(
    [
        ("width", "<i4"),
        ("height", "<i4"),
        ("mode", "S8"),
        ("format", "S8"),
        ("contrast", "<f4"),
        ("dhash", "u1", 32),
        ("thumbnail", "u1", (THUMB, THUMB, 3)),
    ]
)


def cpu_count() -> int:
    """Returns the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Item:
    """What a worker brings back for one file."""

    key: bytes
    stats: SingleImageStats | None = None
    fresh_stats: bool = False
    inputs: np.ndarray | None = None
    keep: tuple[tuple[bytes, np.ndarray], ...] = ()
    error: str = ""


def pixel_store_of(preprocess: Preprocess) -> Store:
    """Opens the cache of the input images that one `Preprocess` makes."""
    return Store(cache_folder() / "pixels" / preprocess.pixel_key, dtype=np.uint8)


def cacheable(count: int, preprocess: Preprocess, positions: tuple[float, ...]) -> bool:
    """Tells whether so many input images are kept in the cache at all."""
    return count * preprocess.size**2 * 3 * len(positions) <= _CACHEABLE_BYTES


def square_key(key: bytes, position: float) -> bytes:
    """Returns the key of an image's square in that cache, from its content fingerprint."""
    return fingerprint_bytes(key + str(position).encode())


def measure(
    dataset: Dataset, *, workers: int | None = None, progress: Progress = silent
) -> ImageStats:
    """Reads every image once for its statistics alone.

    Args:
        dataset: N items.
        workers: Decoding threads; by default one a processor.
        progress: Called as images are done.

    Returns:
        `ImageStats` of N rows; unreadable images are in its `errors`, never raised.
    """
    stats = ImageStats.empty(len(dataset))
    for _ in read_pixels(dataset, stats, workers=workers, progress=progress):
        pass
    return stats


def read_pixels(
    dataset: Dataset,
    stats: ImageStats,
    *,
    preprocess: Preprocess | None = None,
    positions: tuple[float, ...] = (0.5,),
    wants: Callable[[bytes], bool] = lambda key: True,
    workers: int | None = None,
    progress: Progress = silent,
) -> Generator[tuple[int, bytes, np.ndarray]]:
    """Fills the stats of every item and yields the pixels of those that are wanted.

    Args:
        dataset: N items.
        stats: N empty rows, filled as the pass goes on; complete when it ends.
        preprocess: How to fit; None to gather stats only.
        positions: Crop positions, V of them.
        wants: Whether the pixels under this content fingerprint are needed.
        workers: Decoding threads; by default one a processor.
        progress: Called as images are done.

    Yields:
        (index, fingerprint, (V, size, size, 3) uint8), in order of index.
    """
    total = len(dataset)
    stats_store = Store(cache_folder() / _STATS_FOLDER, dtype=np.uint8)
    pixel_store = None
    ahead = 256
    if preprocess is not None:
        item_bytes = preprocess.size**2 * 3 * len(positions)
        ahead = max(32, _AHEAD_BYTES // item_bytes)
        pixel_store = pixel_store_of(preprocess)
        keep_pixels = cacheable(total, preprocess, positions)
    else:
        keep_pixels = False

    def work(index: int) -> _Item:
        try:
            data = read_bytes(dataset.path(index))
        except ImageError as error:
            return _Item(b"", error=str(error))
        key = fingerprint_bytes(data)
        try:
            return _load(data, key, preprocess, positions, wants, stats_store, pixel_store)
        except ImageError as error:
            return _Item(key, error=str(error))

    def work_on(indices: range) -> tuple[list[_Item], bool]:
        begun = time.perf_counter()
        items = [work(index) for index in indices]
        return items, time.perf_counter() - begun > _SLOW_SECONDS * len(items)

    # Several images a task: where pixels are cached, handing over costs more than reading.
    tasks = iter(
        [range(min(1, total)), *(range(i, min(i + _TASK, total)) for i in range(1, total, _TASK))]
    )
    progress("reading images", 0, total)
    with ThreadPoolExecutor(workers or cpu_count(), "decode") as pool:
        queue: deque[Future[tuple[list[_Item], bool]]] = deque()
        ready: deque[_Item] = deque()
        # One task at a time where images come from the cache: threads that take turns at the
        # interpreter's lock need twice the time of one. And nothing runs ahead of the first
        # image: whoever gets it may now import and convert a network (3 s of 20 otherwise).
        slow, first = False, True
        try:
            for index in range(total):
                if not ready:
                    room = max(0, (ahead // _TASK if slow else 1) - len(queue))
                    queue.extend(pool.submit(work_on, each) for each in islice(tasks, room))
                    items, slow = queue.popleft().result()
                    ready.extend(items)
                    if index and not queue:
                        queue.extend(pool.submit(work_on, each) for each in islice(tasks, 1))
                item = ready.popleft()
                if item.key:
                    stats.keys[index] = np.frombuffer(item.key, np.uint8)
                if item.stats is None:
                    stats.errors[index] = item.error
                else:
                    stats.put(index, item.stats)
                    if item.fresh_stats:
                        stats_store.add(item.key, _pack(item.stats))
                    if pixel_store is not None and keep_pixels:
                        for key, pixels in item.keep:
                            pixel_store.add(key, pixels)
                    if item.inputs is not None:
                        yield index, item.key, item.inputs
                        if first:
                            # Whoever got it took its time: another process may have decoded.
                            first = False
                            stats_store.refresh()
                            if pixel_store is not None:
                                pixel_store.refresh()
                progress("reading images", index + 1, total)
        finally:
            for future in queue:
                future.cancel()
            stats_store.flush()
            if pixel_store is not None:
                pixel_store.flush()


def _load(
    data: bytes,
    key: bytes,
    preprocess: Preprocess | None,
    positions: tuple[float, ...],
    wants: Callable[[bytes], bool],
    stats_store: Store,
    pixel_store: Store | None,
) -> _Item:
    """Answers from the caches where they can, and decodes at most once where they cannot."""
    packed = stats_store.get(key)
    known = None if packed is None else _unpack(packed)
    wanted = preprocess is not None and wants(key)
    if known is not None and not wanted:
        return _Item(key, known)
    if preprocess is None or pixel_store is None or not wanted:
        decoded = decode(data, short_side=STATS_SIDE)
        return _Item(key, image_stats(decoded), True)
    keys = [square_key(key, position) for position in positions]
    kept = [pixel_store.get(each) for each in keys]
    decoded_now: Decoded | None = None
    if known is None or any(each is None for each in kept):
        decoded_now = decode(data, short_side=preprocess.decoding_side)
    inputs, fresh = [], []
    for each_key, position, pixels in zip(keys, positions, kept, strict=True):
        square = (preprocess.size, preprocess.size)
        if pixels is None:
            assert decoded_now is not None
            pixels = decoded_now.pixels
            # An image smaller than the square is kept as it is: enlarging is cheap, disk is not.
            # (Not so of a face: to find it again is dear.)
            small = pixels.shape[0] * pixels.shape[1] < preprocess.size**2
            small = small and preprocess.faces is None
            fitted = preprocess.fit(pixels, position=position)
            fresh.append((each_key, pixels if small else fitted))
            pixels = fitted
        elif pixels.shape[:2] != square:
            pixels = preprocess.fit(pixels, position=position)
        inputs.append(pixels)
    fresh_stats = known is None
    if known is None:
        assert decoded_now is not None
        if preprocess.decoding_side > STATS_SIDE and decoded_now.format in ("JPEG", "MPO"):
            # A larger network may have had it decoded at another scale.
            decoded_now = decode(data, short_side=STATS_SIDE)
        known = image_stats(decoded_now)
    return _Item(key, known, fresh_stats, np.stack(inputs), tuple(fresh))


def _pack(stats: SingleImageStats) -> np.ndarray:
    row = np.zeros((), _STATS_DTYPE)
    for name in ("width", "height", "contrast", "dhash", "thumbnail"):
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
    )
