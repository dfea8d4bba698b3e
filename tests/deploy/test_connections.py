"""Connections that send nothing, little, nonsense or crumbs: they end, and harm nobody."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from tests.serving import ask, connected, everything

from headstart.deploy import connections as module
from headstart.deploy.connections import most_connections
from headstart.deploy.listen import Server

APP = FastAPI()


@APP.get("/")
async def root():
    return {"answer": 42}


@APP.post("/length")
async def length(request: Request):
    try:
        return {"length": len(await request.body())}
    except ClientDisconnect:
        return {}


@APP.get("/long")
async def long():
    return Response(bytes(20 << 20))


def answered(kept):
    """The status of one answer on a connection that is kept."""
    found = b""
    while b'{"answer":42}' not in found:
        found += kept.recv(4096) or pytest.fail(f"closed after {found!r}")
    return int(found.split()[1])


CHUNKED = b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def serving(seconds=1.0, most=None):
    server = Server(APP, host="127.0.0.1", port=0, seconds=seconds)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    if most is not None:
        server._door.most = most
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server._door
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def good(port):
    status, value, _ = ask(port, "GET", "/", timeout=5)
    return (status, value) == (200, {"answer": 42})


HALF = {
    "nothing": b"",
    "half a line": b"GET /",
    "half headers": b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
    "a body nobody asked for": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
}


@pytest.mark.parametrize("sent", HALF.values(), ids=list(HALF))
def test_what_is_half_sent_ends_at_the_deadline(sent):
    with serving() as (port, door), connected(port, sent) as half:
        begun = time.monotonic()
        found = everything(half)
        assert 0.5 < time.monotonic() - begun < 4
        if b"POST" not in sent:
            assert found.startswith(b"HTTP/1.1 408 ")
            assert "no whole request" in json.loads(found.partition(b"\r\n\r\n")[2])["error"]
        assert good(port)
        assert len(door.open) <= 1


def test_a_byte_now_and_then_does_not_move_the_deadline():
    with serving() as (port, _), connected(port, b"GET / HTTP/1.1\r\nX: ") as slow:
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < 5:
                slow.sendall(b"x")
                time.sleep(0.1)
                slow.settimeout(0.01)
                with contextlib.suppress(TimeoutError):
                    if not slow.recv(100):
                        break
        assert time.monotonic() - begun < 4


def test_requests_one_after_another_are_not_late():
    with serving(seconds=0.6) as (port, _), connected(port) as kept:
        for _ in range(4):
            kept.sendall(ONE)
            assert answered(kept) == 200
            time.sleep(0.4)
        kept.sendall(b"GET / HTTP/1.1\r\n")  # and the next one only begins
        begun = time.monotonic()
        assert everything(kept).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - begun < 3


def test_the_oldest_without_a_request_makes_room():
    with serving(seconds=20, most=5) as (port, door), contextlib.ExitStack() as stack:
        kept = stack.enter_context(connected(port, ONE))
        assert answered(kept) == 200
        half = []
        for number in range(12):
            half.append(stack.enter_context(connected(port, b"GET / HTTP/1.1\r\nX: ")))
            until = time.monotonic() + 5
            while len(door._half) < min(number + 1, 4) and time.monotonic() < until:
                time.sleep(0.01)
        assert all(good(port) for _ in range(5))
        assert len(door.open) <= 5
        assert everything(half[0]) == b""
        # Who has been served is closed last.
        kept.sendall(ONE)
        assert answered(kept) == 200
        half[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            half[-1].recv(10)  # the youngest waits on


def test_where_all_are_at_work_a_new_one_is_told():
    head = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
    with (
        serving(seconds=20, most=2) as (port, door),
        connected(port, head) as one,
        connected(port, head) as two,
    ):
        while len(door.open) < 2 or door._half:
            time.sleep(0.01)
        with connected(port) as third:
            assert everything(third).startswith(b"HTTP/1.1 503")
        for each in (one, two):
            each.sendall(b"12345678")
            each.shutdown(socket.SHUT_WR)
            assert b'{"length":9}' in everything(each)


def crumbs(count):
    return CHUNKED + b"1\r\nx\r\n" * count + b"0\r\n\r\n"


def test_a_million_crumbs_hold_nobody_up():
    with serving(seconds=20) as (port, _), connected(port, timeout=20) as sender:
        found = []

        def send():
            with contextlib.suppress(OSError):
                sender.sendall(crumbs(1_000_000))
            found.append(everything(sender))

        thread = threading.Thread(target=send)
        thread.start()
        waits = []
        for _ in range(20):
            begun = time.monotonic()
            assert good(port)
            waits.append(time.monotonic() - begun)
        thread.join(20)
        assert max(waits) < 5.0  # of 20 seconds that are allowed, on a busy machine
        assert b"200 OK" not in found[0]


def test_a_body_in_parts_is_a_body():
    with serving(seconds=20) as (port, _):
        for sent, length in (
            (crumbs(1000), 1000),
            (CHUNKED + (b"40\r\n" + b"x" * 64 + b"\r\n") * 5000 + b"0\r\n\r\n", 320_000),
        ):
            with connected(port, sent) as sender:
                sender.shutdown(socket.SHUT_WR)
                assert b'{"length":%d}' % length in everything(sender)


NONSENSE = {
    "no http": b"\x16\x03\x01 hello\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "long headers": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
    "nonsense amid a body": CHUNKED + b"1\r\nx\r\nnonsense\r\n",
}  # fmt: skip


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=list(NONSENSE))
def test_nonsense_is_told_in_one_sentence(sent, capfd):
    with serving(seconds=20) as (port, _):
        with connected(port, sent) as sender:
            found = everything(sender)
        assert found.startswith(b"HTTP/1.1 400 ") or sent[-3:] == b"xxx"
        assert good(port)
    assert "Traceback" not in capfd.readouterr().err


def test_who_does_not_read_is_closed():
    with serving(seconds=1.0) as (port, door), connected(port) as deaf:
        deaf.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        assert good(port)
        until = time.monotonic() + 8
        while door.open and time.monotonic() < until:
            time.sleep(0.05)
        assert not door.open


def test_fewer_than_the_system_lets_open(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = {1024: (700, 1000), 256: (50, 200), 64: (8, 60), 10**6: (1000, 1000)}
    for limit, (low, high) in limits.items():
        monkeypatch.setattr(resource, "getrlimit", lambda which, limit=limit: (limit, limit))
        monkeypatch.setattr(module.os, "listdir", lambda place: ["0"] * 30)
        assert low <= most_connections() <= high
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert most_connections() == 1000
