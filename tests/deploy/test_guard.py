"""Every request is counted and logged once, and a mistake of ours is one answer."""

from __future__ import annotations

import json
import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import generate_latest

from headstart.deploy.access import Access
from headstart.deploy.counters import Counters
from headstart.deploy.guard import Guard, problem


@pytest.fixture
def guarded():
    app, counters = FastAPI(), Counters()

    @app.get("/good")
    def good() -> dict:
        return {"fine": True}

    @app.get("/bad")
    def bad() -> None:
        raise KeyError("somebody's name")

    known = ["/good", "/bad"]
    app.add_middleware(Guard, access=Access(), counters=counters, known=known, opened=[])
    return TestClient(app, base_url="http://127.0.0.1"), counters


def test_a_mistake_is_one_answer_one_count_and_one_line(guarded, caplog):
    client, counters = guarded
    with caplog.at_level(logging.INFO, "headstart.serve"):
        answer = client.get("/bad")
    assert answer.status_code == 500
    assert "mistake" in answer.json()["error"]
    said = generate_latest(counters.registry).decode()
    assert 'headstart_requests_total{path="/bad",status="500"} 1.0' in said
    of_ours = [each for each in caplog.records if each.name == "headstart.serve"]
    [line] = [json.loads(each.getMessage()) for each in of_ours]
    assert (line["error"], line["status"]) == ("KeyError", 500)
    assert "somebody" not in of_ours[0].getMessage()


def test_answers_have_safe_headers_and_head_has_no_body(guarded):
    client, _ = guarded
    answer, head = client.get("/good"), client.head("/good")
    assert answer.json() == {"fine": True}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (head.status_code, head.content) == (200, b"")
    assert client.get("/elsewhere").status_code == 404


def test_a_refusal_is_a_sentence():
    found = problem(503, "busy", {"Retry-After": "1"})
    assert json.loads(found.body) == {"error": "busy"}
    assert found.headers["retry-after"] == "1"
