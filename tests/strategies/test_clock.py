"""How long phases took: added up, and counted where something fails too."""

from __future__ import annotations

import pytest

from headstart.strategies import clock as module
from headstart.strategies.clock import Clock


@pytest.fixture
def ticks(monkeypatch):
    """A time that only goes on when it is told to."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_phases_are_named_and_added_up(ticks):
    clock = Clock()
    assert (clock.seconds, clock.total) == ({}, 0)
    with clock.phase("fit"):
        ticks(2)
    ticks(5)
    with clock.phase("write"):
        ticks(1)
    with clock.phase("fit"):
        ticks(0.5)
    assert clock.seconds == {"fit": 2.5, "write": 1}
    assert clock.total == 8.5


def test_a_phase_that_fails_took_its_time(ticks):
    clock = Clock()

    def write():
        ticks(3)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), clock.phase("write"):
        write()
    assert clock.seconds == {"write": 3}


def test_phases_within_phases(ticks):
    clock = Clock()
    with clock.phase("outer"):
        ticks(1)
        with clock.phase("inner"):
            ticks(2)
    assert clock.seconds == {"inner": 2, "outer": 3}
