"""Decoding ahead: what the helper leaves in the cache is what this process would have made."""

from __future__ import annotations

import time

import numpy as np
import pytest

from headstart.data.open import open_dataset
from headstart.images import prefetch as ahead
from headstart.images.pixels import read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import cache_folder

SMALL = Preprocess(size=24, geometry="square")


@pytest.fixture(autouse=True)
def worth_it(monkeypatch):
    monkeypatch.setattr(ahead, "_WORTH_STARTING", 2)
    monkeypatch.setattr(ahead, "cpu_count", lambda: 2)


def shards() -> list[str]:
    folder = cache_folder() / "pixels" / SMALL.pixel_key
    return sorted(path.name for path in folder.glob("*.shard"))


def wait_until(condition, seconds=20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_what_it_left_is_read_and_is_the_same(make_images):
    dataset = open_dataset(make_images(per_class=6))
    with ahead.prefetch(dataset, SMALL, (0.5,)):
        assert wait_until(shards)
    stats, again = ImageStats.empty(len(dataset)), ImageStats.empty(len(dataset))
    left = [inputs for _, _, inputs in read_pixels(dataset, stats, preprocess=SMALL)]
    before = shards()
    for path in (cache_folder() / "pixels" / SMALL.pixel_key).glob("*.shard"):
        path.unlink()
    own = [inputs for _, _, inputs in read_pixels(dataset, again, preprocess=SMALL)]
    assert before
    assert len(left) == len(own) == len(dataset)
    np.testing.assert_array_equal(np.stack(left), np.stack(own))
    np.testing.assert_array_equal(stats.keys, again.keys)


def test_it_ends_with_the_block_and_keeps_what_it_has(make_images):
    dataset = open_dataset(make_images(per_class=6))
    begun = time.monotonic()
    with ahead.prefetch(dataset, SMALL, (0.5,)):
        pass
    assert time.monotonic() - begun < 9
    stats = ImageStats.empty(len(dataset))
    assert sum(1 for _ in read_pixels(dataset, stats, preprocess=SMALL)) == len(dataset)


def test_a_helper_that_cannot_start_is_no_error(make_images, monkeypatch):
    monkeypatch.setattr(ahead.sys, "executable", "/nowhere/python")
    with ahead.prefetch(open_dataset(make_images(per_class=3)), SMALL, (0.5,)):
        pass
    assert not shards()


def test_a_broken_image_does_not_stop_it(make_images):
    root = make_images(per_class=6)
    next(root.rglob("*.png")).write_bytes(b"\x89PNG no more")
    dataset = open_dataset(root)
    with ahead.prefetch(dataset, SMALL, (0.5,)):
        assert wait_until(shards)


def test_few_images_and_one_processor_start_nothing(make_images, monkeypatch):
    dataset = open_dataset(make_images(per_class=3))

    def refuse(*args, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(ahead.subprocess, "Popen", refuse)
    monkeypatch.setattr(ahead, "cpu_count", lambda: 1)
    with ahead.prefetch(dataset, SMALL, (0.5,)):
        pass
    monkeypatch.setattr(ahead, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead, "_WORTH_STARTING", 100)
    with ahead.prefetch(dataset, SMALL, (0.5,)):
        pass
