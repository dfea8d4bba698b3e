"""What every request passes: one answer, one line, one count; also where something goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from starlette.responses import StreamingResponse

from headstart.deploy.access import LOOPBACK, Access
from headstart.deploy.counters import Counters
from headstart.deploy.decoders import DecodeFault
from headstart.deploy.guard import Guard, problem


def guarded(access=None, **routes):
    """(client, counters) of an application with some routes."""
    app, counters = FastAPI(), Counters()
    for name, route in routes.items():
        app.get(f"/{name}")(route)
    app.add_middleware(
        Guard, access=access or Access(), counters=counters, known={"/bad", "/ok"}, opened={"/ok"}
    )
    return TestClient(app, base_url="http://localhost"), counters


async def ok(request: Request):
    request.state.images = 3
    return {"fine": True}


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "headstart.serve")
    return lambda: [json.loads(record.message) for record in caplog.records]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("name of somebody"), "ValueError"),
        (DecodeFault("IndexError", "images/x.py:1"), "IndexError"),
        (MemoryError(), "MemoryError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_mistake_is_one_answer_one_line_one_count(error, name, lines, capsys):
    async def bad():
        raise error

    client, counters = guarded(bad=bad)
    answer = client.get("/bad")
    assert answer.status_code == 500
    assert "mistake" in answer.json()["error"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    [line] = lines()
    assert (line["status"], line["path"], line["error"]) == (500, "/bad", name)
    assert ".py:" in line["place"]
    assert "somebody" not in json.dumps(line)
    said = generate_latest(counters.registry).decode()
    assert 'headstart_requests_total{path="/bad",status="500"} 1.0' in said
    assert "Traceback" not in capsys.readouterr().err


def test_a_mistake_in_the_middle_of_an_answer(lines):
    async def parts():
        yield b"begun"
        raise ValueError

    async def bad():
        return StreamingResponse(parts())

    client, _ = guarded(bad=bad)
    client.get("/bad")
    assert lines()[0]["error"] == "ValueError"


def test_a_good_request(lines):
    client, _ = guarded(ok=ok)
    answer = client.get("/ok")
    assert answer.json() == {"fine": True}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    [line] = lines()
    assert (line["method"], line["images"], "error" in line) == ("GET", 3, False)
    assert client.get("/nowhere").status_code == 404
    assert lines()[1]["path"] == "other"


def test_whatever_has_a_get_has_a_head(lines):
    client, _ = guarded(ok=ok)
    answer = client.head("/ok")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(client.get("/ok").content))
    assert lines()[0]["method"] == "HEAD"


def test_who_may_ask():
    client, _ = guarded(Access(key="k", hosts=LOOPBACK), ok=ok, bad=ok)
    assert client.get("/ok").status_code == 200
    assert client.get("/bad").status_code == 401
    assert client.get("/bad", headers={"X-API-Key": "k"}).status_code == 200
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.get("/ok", headers=headers | {"X-API-Key": "k"})
        assert answer.status_code == 403
        assert len(answer.json()["error"]) > 20
        assert "access-control-allow-origin" not in answer.headers


def test_a_welcome_page_asks_first_and_reads_refusals_too():
    access = Access(key="k", origins=frozenset({"https://mine.example"}))
    client, _ = guarded(access, ok=ok, bad=ok)
    mine = {"Origin": "https://mine.example"}
    first = client.options("/bad", headers=mine | {"Access-Control-Request-Method": "POST"})
    assert (first.status_code, first.content) == (204, b"")
    assert first.headers["access-control-allow-origin"] == "https://mine.example"
    assert "POST" in first.headers["access-control-allow-methods"]
    answer = client.get("/bad", headers=mine)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://mine.example"
    assert answer.headers["vary"] == "Origin"
    other = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/bad", headers=other).status_code == 403


def test_the_last_moment_is_an_answer():
    async def slow():
        await asyncio.sleep(60)

    app = FastAPI()
    app.get("/bad")(slow)
    guard = Guard(app, access=Access(), counters=Counters(), known=(), opened=())
    sent = []

    async def send(message):
        sent.append(message)

    async def run():
        scope = {
            "type": "http", "method": "GET", "path": "/bad", "headers": [], "query_string": b"",
        }  # fmt: skip
        task = asyncio.create_task(guard(scope, asyncio.Event().wait, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    asyncio.run(run())
    assert sent[0]["status"] == 503


def test_a_refusal_has_its_reason():
    answer = problem(418, "no coffee", {"Retry-After": "3"})
    assert (answer.status_code, answer.headers["retry-after"]) == (418, "3")
    assert json.loads(answer.body) == {"error": "no coffee"}
