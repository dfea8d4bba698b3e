"""Who makes room when too many connections are open; sockets are tried in `test_serve.py`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from headstart.deploy.connections import Door, most_connections


class Client:
    """What a door sees of a connection."""

    def __init__(self) -> None:
        self.refused, self.gone = 0, False
        self.transport = SimpleNamespace(abort=self.abort)

    def abort(self) -> None:
        self.gone = True

    def refuse(self, status: int, summary: str) -> None:
        self.refused = status


def crowd(door: Door, count: int) -> list[Client]:
    clients = [Client() for _ in range(count)]
    for each in clients:
        door.enter(each)
        door.rest(each, served=False)
    return clients


def test_the_oldest_that_waits_makes_room():
    door = Door(3, 5.0)
    clients = crowd(door, 5)
    assert [each.gone for each in clients] == [True, True, False, False, False]
    assert len(door.open) == 3


def test_those_never_served_go_before_those_between_two_requests():
    door = Door(2, 5.0)
    first, second = crowd(door, 2)
    door.work(first)
    door.rest(first, served=True)
    third = Client()
    door.enter(third)
    assert (first.gone, second.gone, third.gone) == (False, True, False)


def test_who_is_being_answered_stays_and_the_new_one_is_refused():
    door = Door(2, 5.0)
    busy = crowd(door, 2)
    for each in busy:
        door.work(each)
    late = Client()
    door.enter(late)
    assert not any(each.gone for each in busy)
    assert late.refused == 503
    door.leave(busy[0])
    again = Client()
    door.enter(again)
    assert again.refused == 0


def test_fewer_than_the_system_opens(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    assert 700 < most_connections() < 1024
    monkeypatch.setattr(resource, "getrlimit", lambda which: (64, 64))
    assert most_connections() == 8
