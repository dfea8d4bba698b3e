"""`ordered_map`: a function over many items by several threads, a bounded distance ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from headstart.images.pixels import cpu_count

__all__ = ["ordered_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Decoded images that wait to be used, at most: memory stays flat.
_AHEAD = 32


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Yields the results of a function in the order of the items, as they are asked for.

    Args:
        function: Called in threads; what it raises is raised here.
        items: N of them.
        workers: Threads; by default one a processor.
    """
    with ThreadPoolExecutor(workers or cpu_count(), "ahead") as pool:
        rest = iter(items)
        queue: deque[Future[Result]] = deque(
            pool.submit(function, each) for each in islice(rest, _AHEAD)
        )
        try:
            while queue:
                result = queue.popleft().result()
                queue.extend(pool.submit(function, each) for each in islice(rest, 1))
                yield result
        finally:  # whoever asked may have had enough
            for future in queue:
                future.cancel()
