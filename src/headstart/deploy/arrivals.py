"""`Arrivals`: requests whose body is still on its way, so that none is waited for in vain."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

__all__ = ["Arrivals"]

# Whoever sends quickly is never cut short for somebody else.
_FAIR_SECONDS = 1.0


class Arrivals:
    """Bodies that are being read, the oldest first."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Timeout, float] = {}

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Holds while a body is read.

        Raises:
            TimeoutError: If it was cut short.
        """
        async with asyncio.timeout(None) as until:
            self._open[until] = time.monotonic()
            try:
                yield
            finally:
                del self._open[until]

    async def make_room(self, least: int) -> bool:
        """Cuts the oldest short, where at least so many have been on their way for long.

        Returns:
            Whether one was.
        """
        now = time.monotonic()
        slow = [each for each, since in self._open.items() if now - since > _FAIR_SECONDS]
        slow = [each for each in slow if each.when() is None]
        if len(slow) < max(1, least):
            return False
        slow[0].reschedule(asyncio.get_running_loop().time())
        await asyncio.sleep(0.02)  # until it has given up its room
        return True

    def cut(self) -> None:
        """Cuts all short: the server is stopping."""
        for each in self._open:
            each.reschedule(asyncio.get_running_loop().time())
