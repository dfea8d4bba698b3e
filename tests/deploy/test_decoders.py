"""Processes that decode: a deadline ends them, and others take their place."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import numpy as np
import pytest
from tests.models import write_photos
from tests.serving import png, slow_image

from headstart.deploy import decoders as module
from headstart.deploy.decoders import DecodeFault, Decoders, Stopped, TooSlow
from headstart.errors import ImageError
from headstart.images.given import inputs_of
from headstart.images.preprocess import Preprocess

LOOK = Preprocess(size=32)


def with_pool(work, *, seconds=2.0, count=2, preprocess=LOOK, tta=1):
    """Runs a coroutine with a started pool, and stops that."""

    async def run():
        pool = Decoders(preprocess, tta, pixels=1 << 26, seconds=seconds, count=count)
        await pool.start()
        try:
            return await asyncio.wait_for(work(pool), 40)
        finally:
            await pool.stop()
            assert all(each.child.poll() is not None for each in pool._all)

    return asyncio.run(run())


def test_it_decodes_as_predict_does(tmp_path):
    photos = write_photos(tmp_path, 5)

    async def work(pool):
        return await asyncio.gather(*(pool.decode(each.read_bytes()) for each in photos))

    for photo, found in zip(photos, with_pool(work), strict=True):
        [(box, inputs)] = found
        assert box.dtype == np.float32
        np.testing.assert_array_equal(inputs, inputs_of(photo, LOOK, 1))


def test_views_of_tiles_come_as_one_square(tmp_path):
    look, photo = Preprocess(size=64, tile=32), write_photos(tmp_path, 1)[0]

    async def work(pool):
        return await pool.decode(photo.read_bytes())

    [(_, inputs)] = with_pool(work, count=1, preprocess=look, tta=8)
    np.testing.assert_array_equal(inputs, inputs_of(photo, look, 8))
    assert (inputs.shape[0], inputs.strides[0]) == (8, 0)


def test_what_is_no_image_has_its_reason():
    async def work(pool):
        with pytest.raises(ImageError, match="a text file"):
            await pool.decode(b"hello")
        return await pool.decode(png())

    assert len(with_pool(work, count=1)) == 1


def test_a_deadline_ends_the_process_and_others_go_on():
    async def work(pool):
        before = {each.child.pid for each in pool._all}
        bombs = [asyncio.create_task(pool.decode(slow_image())) for _ in range(2)]
        await asyncio.sleep(0.1)
        waits = []
        while not all(each.done() for each in bombs):
            begun = time.monotonic()
            await pool.decode(png())
            waits.append(time.monotonic() - begun)
        for each in bombs:
            with pytest.raises(TooSlow, match="longer than 1 seconds"):
                await each
        assert len(waits) > 5
        assert sorted(waits)[int(0.95 * len(waits))] < 1.0
        while len(pool._all) < 3 or pool._growing:
            await asyncio.sleep(0.05)
        assert {each.child.pid for each in pool._all} != before
        assert pool.delay == 0.0
        await pool.decode(png())

    with_pool(work, seconds=1.0)


def test_the_clock_ends_what_uses_no_processor(monkeypatch):
    monkeypatch.setattr(module, "_CROWDED", 1)

    async def work(pool):
        for each in pool._all:
            os.kill(each.child.pid, signal.SIGSTOP)
        with pytest.raises(TooSlow):
            await pool.decode(png())

    with_pool(work, seconds=0.3, count=1)


def test_a_crash_costs_one_image():
    async def work(pool):
        task = asyncio.create_task(pool.decode(slow_image()))
        await asyncio.sleep(0.3)
        for each in list(pool._all):
            os.kill(each.child.pid, signal.SIGSEGV)  # those that idle too: they harm nobody
        with pytest.raises(ImageError, match="decoder crashed"):
            await task
        return await pool.decode(png())

    assert with_pool(work, count=1, seconds=20.0)


def test_stopping_is_at_once():
    async def work(pool):
        tasks = [asyncio.create_task(pool.decode(slow_image())) for _ in range(9)]
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        pool.cut()
        for each in tasks:
            with pytest.raises(Stopped):
                await each
        with pytest.raises(Stopped):
            await pool.decode(png())
        assert time.monotonic() - begun < 2

    with_pool(work, seconds=60.0)


def test_whoever_has_gone_leaves_no_process_at_work():
    async def work(pool):
        task = asyncio.create_task(pool.decode(slow_image()))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await pool.decode(png())

    assert with_pool(work, count=1, seconds=60.0)


def test_our_own_mistake_is_named_with_its_place(monkeypatch):
    fault = {"fault": "ValueError", "place": "images/preprocess.py:7"}

    async def work(pool):
        monkeypatch.setattr(module._Process, "ask", lambda self, data: (fault, b""))
        with pytest.raises(DecodeFault, match=r"ValueError at images/preprocess\.py:7"):
            await pool.decode(png())

    with_pool(work, count=1)


def test_what_cannot_start_is_told():
    async def run():
        pool = Decoders(LOOK, 5, pixels=1 << 20, seconds=2.0, count=1)  # there are no five views
        with pytest.raises(EOFError):
            await pool.start()
        await pool.stop()

    asyncio.run(run())
