"""A port: who can reach it, what is said when it is taken, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("uvicorn", reason="needs the extra 'serve'")

from fastapi import FastAPI

from headstart.deploy.listen import listen
from headstart.errors import OptionError


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
