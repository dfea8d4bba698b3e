"""Batches: who asks at once is answered together, and what waits is bounded."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from headstart.deploy.batcher import Batcher, Full


def image(value: int = 0) -> np.ndarray:
    return np.full((1, 2, 2, 3), value, np.uint8)


def means(inputs: np.ndarray) -> dict[str, np.ndarray]:
    """What a network gives here: the mean of each image."""
    return {"mean": inputs.reshape(len(inputs), -1).mean(axis=1, keepdims=True)}


def going(batcher: Batcher, work) -> object:
    """Runs a coroutine beside a batcher that works."""

    async def go():
        batcher.start()
        try:
            return await work
        finally:
            await batcher.stop()

    return asyncio.run(go())


def test_concurrent_images_are_computed_together():
    sizes: list[int] = []

    def run(inputs):
        time.sleep(0.02)
        return {"mean": inputs.reshape(len(inputs), -1)[:, :2].astype(float)}

    async def go():
        batcher = Batcher(run, most=4, seen=sizes.append)
        batcher.start()
        images = [np.full((1, 2, 2, 3), i, np.uint8) for i in range(9)]
        found = await asyncio.gather(*(batcher.outputs(each) for each in images))
        await batcher.stop()
        return found

    found = asyncio.run(go())
    assert [row["mean"][0, 0] for row in found] == list(range(9))
    assert sum(sizes) == 9
    assert max(sizes) == 4


def test_a_batch_that_fails_tells_everybody_and_the_next_one_works():
    calls = []

    def run(inputs):
        calls.append(len(inputs))
        if len(calls) == 1:
            raise RuntimeError("out of order")
        return {"mean": np.zeros((len(inputs), 2))}

    async def go():
        batcher = Batcher(run)
        batcher.start()
        image = np.zeros((1, 2, 2, 3), np.uint8)
        first = await asyncio.gather(
            *(batcher.outputs(image) for _ in range(3)), return_exceptions=True
        )
        second = await batcher.outputs(image)
        await batcher.stop()
        return first, second

    first, second = asyncio.run(go())
    assert any(isinstance(each, RuntimeError) for each in first)
    assert second["mean"].tolist() == [[0, 0]]


def test_room_is_bounded_and_given_back():
    batcher = Batcher(lambda inputs: inputs, room=3)
    batcher.enter(2)
    with pytest.raises(Full):
        batcher.enter(2)
    batcher.enter(1)
    assert batcher.waiting == 3
    batcher.leave(3)
    batcher.enter(3)


def test_one_alone_does_not_wait_for_company():
    sizes: list[int] = []
    batcher = Batcher(means, most=16, seen=sizes.append)
    assert going(batcher, batcher.outputs(image(7)))["mean"].tolist() == [[7]]
    assert sizes == [1]


@pytest.mark.parametrize("most", [1, 3, 16])
def test_everybody_gets_the_own_answer(most):
    sizes: list[int] = []

    async def ask():
        return await asyncio.gather(*(batcher.outputs(image(at)) for at in range(20)))

    batcher = Batcher(means, most=most, seen=sizes.append)
    found = going(batcher, ask())
    assert [float(row["mean"].item()) for row in found] == list(range(20))
    assert max(sizes) <= most
    assert sum(sizes) == 20


def test_one_batch_at_a_time_in_another_thread():
    inside, most, threads = 0, 0, set()
    lock = threading.Lock()

    def run(inputs):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threads.add(threading.get_ident())
        time.sleep(0.002)
        with lock:
            inside -= 1
        return means(inputs)

    async def ask():
        return await asyncio.gather(*(batcher.outputs(image()) for _ in range(12)))

    batcher = Batcher(run, most=2)
    going(batcher, ask())
    assert most == 1
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_who_hung_up_is_not_computed():
    sizes: list[int] = []
    gate = threading.Event()

    def run(inputs):
        gate.wait(5)
        return means(inputs)

    async def ask():
        first = asyncio.create_task(batcher.outputs(image(1)))
        await asyncio.sleep(0.02)
        gone = asyncio.create_task(batcher.outputs(image(2)))
        stays = asyncio.create_task(batcher.outputs(image(3)))
        await asyncio.sleep(0.02)
        gone.cancel()
        gate.set()
        return (await first)["mean"].item(), (await stays)["mean"].item()

    batcher = Batcher(run, seen=sizes.append)
    assert going(batcher, ask()) == (1, 3)
    assert sizes == [1, 1]


def test_who_hangs_up_while_it_is_computed_harms_nobody():
    gate = threading.Event()

    def run(inputs):
        gate.wait(5)
        return means(inputs)

    async def ask():
        gone = asyncio.create_task(batcher.outputs(image(1)))
        await asyncio.sleep(0.02)
        gone.cancel()
        gate.set()
        return (await batcher.outputs(image(4)))["mean"].item()

    batcher = Batcher(run)
    assert going(batcher, ask()) == 4


def test_images_of_other_shapes_fail_together_and_only_once():
    async def ask():
        odd = np.zeros((1, 3, 3, 3), np.uint8)
        found = await asyncio.gather(
            *(batcher.outputs(each) for each in (image(1), odd)), return_exceptions=True
        )
        return found, await batcher.outputs(image(5))

    batcher = Batcher(means)
    found, after = going(batcher, ask())
    assert all(isinstance(each, ValueError) for each in found)
    assert after["mean"].item() == 5


@pytest.mark.parametrize(("room", "images"), [(0, 1), (3, 4)])
def test_no_room(room, images):
    batcher = Batcher(means, room=room)
    with pytest.raises(Full):
        batcher.enter(images)
    assert batcher.waiting == 0
    batcher.enter(room)
    assert batcher.waiting == room


def test_stopping_what_never_began():
    asyncio.run(Batcher(means).stop())
