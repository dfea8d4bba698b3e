"""A port: who can reach it, what is said when it is taken, and how it ends."""

from __future__ import annotations

import contextlib
import errno
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("uvicorn", reason="needs the extra 'serve'")

from fastapi import FastAPI
from tests.serving import connected, everything

from headstart.deploy.listen import Server, _Told, listen
from headstart.errors import ModelError, OptionError


@pytest.mark.parametrize("host", ["127.0.0.1", "203.0.113.7"])
def test_a_place_that_cannot_be_had(host):
    with socket.socket() as taken, ThreadPoolExecutor(1) as beside, warnings.catch_warnings():
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # Not in the main thread, so that the signals of the tests stay as they are.
        done = beside.submit(listen, FastAPI(), host=host, port=port, seconds=5)
        with pytest.raises(OptionError, match=f"cannot listen at {host}:{port}: .*--port or"):
            done.result(30)


CHILD = """
import logging, time
from fastapi import FastAPI
from headstart.deploy.listen import listen
app = FastAPI()
@app.get("/slow")
def slow():
    logging.getLogger("headstart.serve").info('{"path": "slow"}')
    time.sleep(1.0)
    return {"answer": 42}
listen(app, host="127.0.0.1", port=0, seconds=5)
print("orderly", flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_it_has_accepted_first(ending):
    server = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        port, lines, answers = 0, [], []
        while not port:
            lines.append(server.stderr.readline())
            assert lines[-1], lines
            found = re.search(r"running on http://127\.0\.0\.1:(\d+)", lines[-1])
            port = int(found[1]) if found else 0
        assert all(line.startswith("headstart: ") for line in lines)

        def ask() -> None:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=30) as answer:
                assert "server" not in answer.headers
                answers.append(json.load(answer))

        asking = threading.Thread(target=ask)
        asking.start()
        line = json.loads(server.stderr.readline())  # it is at work on it now
        assert line["request"] == {"path": "slow"}
        assert line["time"]
        server.send_signal(ending)
        out, _ = server.communicate(timeout=30)
        asking.join(30)
        assert answers == [{"answer": 42}]
        assert (server.returncode, out) == (0, "orderly\n")
    finally:
        server.kill()
        server.wait()


def test_what_cannot_start_is_told_in_one_line(caplog):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        raise EOFError
        yield

    with ThreadPoolExecutor(1) as beside:
        done = beside.submit(
            listen, FastAPI(lifespan=lifespan), host="127.0.0.1", port=0, seconds=5
        )
        with pytest.raises(ModelError, match="the server cannot be started"):
            done.result(30)


def test_what_goes_wrong_outside_of_requests_is_one_line(caplog):
    caplog.set_level("INFO", "headstart.serve")
    told = _Told()
    full = OSError(errno.EMFILE, "Too many open files")
    for _ in range(5000):
        told(None, {"message": "socket.accept() out of system resource", "exception": full})
        told(None, {"message": "x", "exception": ConnectionResetError()})
        told(None, {"message": "x", "exception": ValueError("words")})
        told(None, {"message": "y"})
    lines = [json.loads(record.message) for record in caplog.records]
    assert [line["error"] for line in lines] == [
        "the system has no file descriptors left: raise `ulimit -n`", "ValueError", "y",
    ]  # fmt: skip


def test_a_server_closes_what_waits_when_it_stops():
    server = Server(FastAPI(), host="127.0.0.1", port=0, seconds=20)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with connected(port, b"GET / HTTP/1.1\r\n") as half:
        while not server._door.open:
            time.sleep(0.01)
        begun = time.monotonic()
        server.should_exit = True
        thread.join(10)
        assert time.monotonic() - begun < 2
        assert everything(half) == b""
