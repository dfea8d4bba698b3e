"""What stands between a model and the requests: room, refusals, the faces of a crowd."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.models import exported_file, random_model, write_photos
from tests.serving import slow_image

from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.server import create_app
from headstart.deploy.uploads import Limits
from headstart.tasks.predictor import NO_NUMBER


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


def test_a_damaged_model_is_an_error_and_no_class(tmp_path, photo, caplog):
    model = exported_file(random_model(), tmp_path / "m.onnx")
    model.outputs = lambda inputs: {
        name: np.full_like(array, np.nan)
        for name, array in OnnxPredictor.outputs(model, inputs).items()
    }
    caplog.set_level("INFO", "headstart.serve")
    with TestClient(create_app(model)) as client:
        answer = client.post("/predict", content=photo)
        files = [("files", ("a.png", photo)), ("files", ("b.png", b"broken"))]
        several = client.post("/predict", files=files)
        said = client.get("/metrics").text
    assert answer.status_code == several.status_code == 500
    assert NO_NUMBER in answer.json()["error"]
    assert 'path="/predict",status="500"} 2.0' in said
    assert (
        sum('"error": "the model gave no number"' in each.message for each in caplog.records) == 2
    )


def test_a_network_that_fails_is_one_answer_and_one_line(tmp_path, photo, caplog, capsys):
    model = exported_file(random_model(), tmp_path / "m.onnx")
    broken, whole = [], model.outputs

    def outputs(inputs):
        if broken:
            raise IndexError("words")
        return whole(inputs)

    model.outputs = outputs
    caplog.set_level("INFO", "headstart.serve")
    with TestClient(create_app(model, room=4)) as client:
        broken.append(1)
        files = [("files", (f"{at}.png", photo)) for at in range(3)]
        answers = [client.post("/predict", files=files) for _ in range(3)]
        broken.clear()
        assert client.post("/predict", files=files).status_code == 200  # their room is back
        said = client.get("/metrics").text
    assert [each.status_code for each in answers] == [500] * 3
    assert "headstart_waiting_images 0.0" in said
    lines = [json.loads(each.message) for each in caplog.records if "IndexError" in each.message]
    assert len(lines) == 3
    assert "words" not in str(lines)
    assert lines[0]["place"].startswith("deploy/test_service.py:")
    assert "Traceback" not in capsys.readouterr().err


def test_what_it_says_of_itself_is_json(tmp_path):
    model = exported_file(random_model(), tmp_path / "m.onnx")
    model.about.facts["accuracy"] = float("nan")
    with TestClient(create_app(model)) as client:
        answer = client.get("/model")
    assert answer.status_code == 200
    assert answer.json()["accuracy"] is None


def test_who_waits_long_is_not_well(model):
    app = create_app(model)
    with TestClient(app) as client:
        assert client.get("/health").json() == {"status": "ok"}
        service = app.state.cut.__self__
        service._batcher._begun = time.monotonic() - 7
        answer = client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "overloaded")
        service._batcher._begun = None
        service._decoders._waiting["x"] = time.monotonic() - 7
        assert client.get("/health").status_code == 503
        service._decoders._waiting.clear()
        assert client.head("/health").status_code == 200


def test_of_a_form_with_one_bomb_no_second_is_looked_at(model, photo):
    limits = Limits(decoding=0.3)
    files = [("files", (f"{at}.jpg", slow_image())) for at in range(6)]
    with TestClient(create_app(model, limits=limits, threads=1)) as client:
        begun = time.monotonic()
        answer = client.post("/predict", files=files)
        assert time.monotonic() - begun < 3
        assert client.post("/predict", content=photo).status_code == 200
    assert answer.status_code == 422
    assert "0.3 seconds" in answer.json()["error"]
    assert "another image of the request" in answer.json()["error"]
