"""Slow senders give way, and only they."""

from __future__ import annotations

import asyncio

import pytest

from headstart.deploy import arrivals as module
from headstart.deploy.arrivals import Arrivals


async def wait(arrivals, ends, number):
    try:
        async with arrivals.reading():
            await asyncio.sleep(5)
    except TimeoutError:
        ends.append(number)


def test_the_oldest_gives_way_where_slow_ones_hold_much(monkeypatch):
    monkeypatch.setattr(module, "_FAIR_SECONDS", 0.05)

    async def run():
        arrivals, ends = Arrivals(), []
        tasks = [asyncio.create_task(wait(arrivals, ends, at)) for at in range(3)]
        await asyncio.sleep(0)
        assert not await arrivals.make_room(1)  # none is slow yet
        await asyncio.sleep(0.1)
        assert not await arrivals.make_room(4)  # so few harm nobody
        assert await arrivals.make_room(3)
        assert ends == [0]
        assert await arrivals.make_room(1)
        assert ends == [0, 1]
        arrivals.cut()
        await asyncio.gather(*tasks)
        assert ends == [0, 1, 2]
        assert not await arrivals.make_room(0)

    asyncio.run(run())


def test_what_arrives_is_not_touched():
    async def run():
        arrivals = Arrivals()
        async with arrivals.reading():
            await asyncio.sleep(0)
        arrivals.cut()
        with pytest.raises(TimeoutError, match="mine"):
            async with arrivals.reading():
                raise TimeoutError("mine")

    asyncio.run(run())
