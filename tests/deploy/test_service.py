"""What stands between a model and the requests: room, refusals, the faces of a crowd."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from tests.models import exported_file, random_model, write_photos

from headstart.deploy.server import create_app


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
