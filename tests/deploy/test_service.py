"""What stands between a model and the requests: room, refusals, the faces of a crowd."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.models import exported_file, random_model, write_photos

from headstart.deploy import service as module
from headstart.deploy.server import create_app
from headstart.deploy.service import Service
from headstart.deploy.uploads import Limits


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return exported_file(random_model(), tmp_path_factory.mktemp("m") / "m.onnx")


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"), 1)[0].read_bytes()


def test_no_room_is_busy(model, photo):
    with TestClient(create_app(model, room=0)) as client:
        answer = client.post("/predict", content=photo)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_what_is_answered_leaves_its_room_again(model, photo):
    with TestClient(create_app(model, room=1)) as client:
        statuses = [client.post("/predict", content=photo).status_code for _ in range(3)]
        client.post("/predict", content=b"text")
        statuses.append(client.post("/predict", content=photo).status_code)
        said = client.get("/metrics").text
    assert statuses == [200] * 4
    assert "headstart_images_total 5.0" in said
    assert "headstart_waiting_images 0.0" in said


def test_of_a_crowd_so_many_are_named(model, monkeypatch):
    service = Service(model, limits=Limits(), room=8, threads=1)
    faces = [(SimpleNamespace(box=np.full(4, i, float)), np.zeros((1, 8, 8, 3))) for i in range(70)]
    monkeypatch.setattr(
        module, "every_face_of", lambda *given, **how: SimpleNamespace(ratio=2.0, faces=faces)
    )
    crowd = SimpleNamespace(about=SimpleNamespace(preprocess=SimpleNamespace(faces="any"), tta=1))
    seen = module._seen(b"", crowd, 1 << 20)
    assert len(seen) == 50
    np.testing.assert_array_equal(seen[3][0], np.full(4, 6.0))
    assert asyncio.run(service.health()) == {"status": "ok"}
