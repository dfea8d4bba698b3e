"""`Batcher`: images of concurrent requests go through the network together.

What waits is bounded: beyond that a request is told to come back, so that those who were
accepted are answered in time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from headstart.images.views import side_by_side
from headstart.tasks.protocol import Outputs

__all__ = ["Batcher", "Full"]


class Full(Exception):
    """More images wait than the queue may hold."""


@dataclass
class _Waiting:
    inputs: np.ndarray
    answer: asyncio.Future[Outputs] = field(repr=False)


class Batcher:
    """Collects images and runs them in batches, one batch at a time.

    While one batch is computed the next one gathers, so nobody waits for company: one image
    alone is computed at once.

    Args:
        run: (N, V, size, size, 3) uint8 to named outputs (N, ...); called in one thread.
        most: Images of one batch.
        room: Images that may wait or be decoded.
        seen: Told the size of every batch.
    """

    def __init__(
        self,
        run: Callable[[np.ndarray], Outputs],
        *,
        most: int = 16,
        room: int = 64,
        seen: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._run, self._most, self._room, self._seen = run, most, room, seen
        self._taken = 0
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._pool = ThreadPoolExecutor(1, "network")
        self._task: asyncio.Task[None] | None = None
        self._begun: float | None = None

    @property
    def delay(self) -> float:
        """Seconds that the batch which is computed has taken so far."""
        return 0.0 if self._begun is None else time.monotonic() - self._begun

    @property
    def waiting(self) -> int:
        """Images that were let in and are not answered yet."""
        return self._taken

    def enter(self, images: int) -> None:
        """Takes room for some images; `leave` gives it back.

        Raises:
            Full: If there is none.
        """
        if self._taken + images > self._room:
            raise Full
        self._taken += images

    def leave(self, images: int) -> None:
        """Gives back the room of some images."""
        self._taken -= images

    async def outputs(self, inputs: np.ndarray) -> Outputs:
        """Returns the named outputs, each (1, ...), of one image, (V, size, size, 3) uint8."""
        waiting = _Waiting(inputs, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.answer

    def start(self) -> None:
        """Begins to work, in the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Ends the work; what was let in has been answered before."""
        if self._task is not None:
            self._task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._most and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # Whoever asked may have hung up while it waited.
            batch = [each for each in batch if not each.answer.done()]
            if not batch:
                continue
            self._seen(len(batch))
            self._begun = time.monotonic()
            try:
                inputs = side_by_side([each.inputs for each in batch])
                found = await loop.run_in_executor(self._pool, self._run, inputs)
            except Exception as error:
                for each in batch:
                    if not each.answer.done():
                        each.answer.set_exception(error)
                continue
            finally:
                self._begun = None
            for at, each in enumerate(batch):
                if not each.answer.done():
                    rows = {name: array[at : at + 1] for name, array in found.items()}
                    each.answer.set_result(rows)
