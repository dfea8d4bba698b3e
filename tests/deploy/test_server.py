"""HTTP says what `record` says, of any task; more of the server in `tests/verbs/test_serve.py`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.models import CLASSES, NUMBERS, exported_file, random_model, write_photos

from headstart.deploy.server import create_app


@pytest.fixture(scope="module", params=[CLASSES, NUMBERS], ids=lambda spec: spec.task)
def model(request, tmp_path_factory):
    return exported_file(random_model(request.param), tmp_path_factory.mktemp("m") / "m.onnx")


def test_an_answer_is_the_record(model, tmp_path):
    photos = write_photos(tmp_path, 3)
    with TestClient(create_app(model)) as client:
        for path in photos:
            answer = client.post("/predict", content=path.read_bytes())
            assert answer.status_code == 200
            [found] = answer.json()["predictions"]
            wanted = model.predictions(path).record(0) | {"name": "image"}
            assert list(found) == list(wanted)
            for key, value in wanted.items():
                exact = isinstance(value, str | bool)
                assert found[key] == (value if exact else pytest.approx(value, rel=1e-3)), key


def test_it_says_what_it_is(model):
    with TestClient(create_app(model)) as client:
        about = client.get("/model").json()
        schema = client.get("/openapi.json").json()
    assert about["task"] == model.spec.task
    assert about["names"] == list(model.spec.names)
    assert about["settings"] == model.spec.settings
    assert about["threshold"] == 0.3
    answer = schema["paths"]["/predict"]["post"]["responses"]["200"]
    item = answer["content"]["application/json"]["schema"]["properties"]["predictions"]["items"]
    assert item["required"] == ["name"]
    assert item["additionalProperties"] is True


def test_a_form_names_what_cannot_be_read(model):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(stream, "PNG")
    files = [("files", ("a.png", stream.getvalue())), ("files", ("b.png", b"broken"))]
    with TestClient(create_app(model)) as client:
        found = client.post("/predict", files=files).json()["predictions"]
        assert client.post("/predict", content=b"text").status_code == 422
    assert [each["name"] for each in found] == ["a.png", "b.png"]
    assert "error" in found[1]
    assert "error" not in found[0]
