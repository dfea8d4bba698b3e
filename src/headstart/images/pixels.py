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
from contextlib import closing
from itertools import islice

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.images.cached import CachedImage, ImageCache
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats

__all__ = ["cpu_count", "measure", "read_pixels"]

_AHEAD_BYTES = 96 << 20
_TASK = 8
# Per image; what takes longer is decoded, or read from a slow disk, and gains by threads.
_SLOW_SECONDS = 0.0015


def cpu_count() -> int:
    """Returns the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    cache = ImageCache(preprocess, positions=positions, count=total)
    ahead = 256
    if preprocess is not None:
        ahead = max(32, _AHEAD_BYTES // (preprocess.size**2 * 3 * len(positions)))

    def load(index: int) -> CachedImage:
        return cache.load(dataset.path(index), wants)

    progress("reading images", 0, total)
    first = True
    with (
        ThreadPoolExecutor(workers or cpu_count(), "decode") as pool,
        closing(_in_order(pool, load, total, ahead=ahead)) as images,
    ):
        try:
            for index, image in enumerate(images):
                if image.key:
                    stats.keys[index] = np.frombuffer(image.key, np.uint8)
                if image.stats is None:
                    stats.errors[index] = image.error
                else:
                    stats.put(index, image.stats)
                    cache.keep(image)
                    if image.inputs is not None:
                        yield index, image.key, image.inputs
                        if first:
                            # Whoever got it took its time: another process may have decoded.
                            first = False
                            cache.refresh()
                progress("reading images", index + 1, total)
        finally:
            cache.flush()


def _in_order(
    pool: ThreadPoolExecutor, load: Callable[[int], CachedImage], total: int, *, ahead: int
) -> Generator[CachedImage]:
    """Yields what `load` gives for 0 to `total`, run in threads at most `ahead` in front.

    One task at a time where images come from the cache: threads that take turns at the
    interpreter's lock need twice the time of one. And nothing runs ahead of the first image:
    whoever gets it may now import and convert a network (3 s of 20 otherwise).
    """

    def work_on(indices: range) -> tuple[list[CachedImage], bool]:
        begun = time.perf_counter()
        items = [load(index) for index in indices]
        return items, time.perf_counter() - begun > _SLOW_SECONDS * len(items)

    # Several images a task: where pixels are cached, handing over costs more than reading.
    tasks = iter(
        [range(min(1, total)), *(range(i, min(i + _TASK, total)) for i in range(1, total, _TASK))]
    )
    queue: deque[Future[tuple[list[CachedImage], bool]]] = deque()
    ready: deque[CachedImage] = deque()
    slow = False
    try:
        for index in range(total):
            if not ready:
                room = max(0, (ahead // _TASK if slow else 1) - len(queue))
                queue.extend(pool.submit(work_on, each) for each in islice(tasks, room))
                items, slow = queue.popleft().result()
                ready.extend(items)
                if index and not queue:
                    queue.extend(pool.submit(work_on, each) for each in islice(tasks, 1))
            yield ready.popleft()
    finally:
        for future in queue:
            future.cancel()
