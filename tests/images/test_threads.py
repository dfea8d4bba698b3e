"""A function over many items, in their order, a bounded distance ahead."""

from __future__ import annotations

import threading
import time

import pytest

from headstart.images.threads import _AHEAD, ordered_map


def test_results_come_in_the_order_of_the_items():
    def slow(number):
        time.sleep(0.001 * (number % 3))
        return number * number

    assert list(ordered_map(slow, range(100), workers=4)) == [n * n for n in range(100)]
    assert list(ordered_map(slow, [])) == []


def test_it_runs_ahead_no_further_than_so_far():
    begun, lock = [], threading.Lock()

    def note(number):
        with lock:
            begun.append(number)

    results = ordered_map(note, range(1000), workers=4)
    for _ in range(10):
        next(results)
    time.sleep(0.05)
    assert len(begun) <= _AHEAD + 10
    results.close()
    time.sleep(0.05)
    assert len(begun) <= _AHEAD + 10


def test_what_goes_wrong_is_raised_in_its_place():
    def bad(number):
        if number == 3:
            raise ValueError("three")
        return number

    results = ordered_map(bad, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
