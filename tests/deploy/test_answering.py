"""Answers that are work are made beside the server's loop."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from tests.models import CLASSES, MASKS, exported_file, random_model

from headstart.deploy import answering as module
from headstart.deploy.answering import Answering, sends_masks
from headstart.deploy.answers import ImageAnswer


@pytest.fixture(scope="module", params=[CLASSES, MASKS], ids=lambda spec: spec.task)
def model(request, tmp_path_factory):
    return exported_file(random_model(request.param), tmp_path_factory.mktemp("m") / "m.onnx")


def test_only_masks_are_made_in_threads(model, monkeypatch):
    makers: list[str] = []

    def answer(*given: object, **named: object) -> ImageAnswer:
        makers.append(threading.current_thread().name)
        return ImageAnswer({"name": "a"})

    monkeypatch.setattr(module, "answer_of", answer)
    made = Answering(model, 1)
    found = asyncio.run(made.of("a", [], [], "png"))
    made.stop()
    assert found.record == {"name": "a"}
    assert (
        makers[0].startswith("answer") == sends_masks(model) == (model.spec.task == "segmentation")
    )
    assert made.delay == 0.0


def test_what_waits_is_told(model, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(module, "answer_of", lambda *given, **named: go.wait(5))

    async def wait() -> float:
        made = Answering(model, 1)
        if not sends_masks(model):
            return made.delay
        task = asyncio.create_task(made.of("a", [], [np.zeros(4)], "png"))
        await asyncio.sleep(0.05)
        late = made.delay
        go.set()
        await task
        made.stop()
        return late

    assert (asyncio.run(wait()) > 0) == sends_masks(model)
