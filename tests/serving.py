"""A server for tests: on a real port of 127.0.0.1, in a thread or a process, and who asks it."""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

from PIL import Image

from headstart.deploy.listen import Server
from headstart.deploy.server import create_app


@contextlib.contextmanager
def running(model, *, seconds=20.0, **options):
    """A server in a thread; gives its port."""
    app = create_app(model, **options)
    server = Server(app, host="127.0.0.1", port=0, seconds=seconds)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


class Process:
    """A server as `headstart serve` starts it; `log` is what it has said."""

    def __init__(self, model, log, *words, open_files=None, **environment):
        limit = [] if open_files is None else ["prlimit", f"--nofile={open_files}"]
        self._log = log
        with log.open("w") as stream:
            self.child = subprocess.Popen(
                [*limit, sys.executable, "-m", "headstart", "serve", str(model), "--port", "0",
                 *words],
                stderr=stream, env=os.environ | {"HEADSTART_API_KEY": ""} | environment,
            )  # fmt: skip
        until, found = time.monotonic() + 60, None
        while not found:
            assert self.child.poll() is None, self.log
            assert time.monotonic() < until, self.log
            time.sleep(0.05)
            found = re.search(r"running on http://\S+:(\d+)", self.log)
        self.port = int(found[1])

    @property
    def log(self) -> str:
        return self._log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.child.kill()
        self.child.wait()


def ask(port, method="POST", path="/predict", body=b"", headers=None, timeout=20):
    """Returns (status, JSON or bytes, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        kind = answer.headers.get("content-type", "")
        parsed = json.loads(content) if "json" in kind and content else content
        return answer.status, parsed, answer.headers
    finally:
        connection.close()


def connected(port, sent=b"", timeout=10):
    """An open connection on which something was sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    connection.sendall(sent)
    return connection


def everything(connection) -> bytes:
    """All that comes until the other end closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            found += part
    return found


def png(size=(40, 40)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (200, 60, 60)).save(stream, "PNG")
    return stream.getvalue()


@functools.cache
def slow_image() -> bytes:
    """A JPEG of 67 million pixels in 20 scans: nearly the slowest that is decoded at all, 1.4 s."""
    stream = io.BytesIO()
    Image.new("L", (8190, 8190), 128).save(stream, "JPEG", progressive=True)
    body = stream.getvalue()[:-2]
    scan = body[body.rindex(b"\xff\xda") :]
    return body + (20 - body.count(b"\xff\xda")) * scan + b"\xff\xd9"
