"""HTTP says what `record` says, of any task; more of the server in `tests/verbs/test_serve.py`."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.drawn_masks import draw_masked
from tests.models import (
    CLASSES,
    MASKS,
    NUMBERS,
    exported_file,
    random_model,
    tiled_mask_model,
    write_photos,
)

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


@pytest.fixture(scope="module", params=["at once", "in tiles"])
def masks(request, tmp_path_factory):
    made = tiled_mask_model() if request.param == "in tiles" else random_model(MASKS)
    return exported_file(made, tmp_path_factory.mktemp("m") / "m.onnx", threshold=0)


def test_a_mask_is_what_predict_says_of_images_of_any_size(masks, tmp_path):
    with TestClient(create_app(masks)) as client:
        for number, size in enumerate([(50, 50), (131, 64), (3, 90), (1, 1), (700, 500)]):
            path = tmp_path / f"{number}.jpg"
            exif = Image.Exif()
            exif[0x0112] = 6 if number % 2 else 1  # lies on its side
            draw_masked(number)[0].resize(size).save(path, exif=exif)
            wanted = masks.predictions(path)
            answer = client.post("/predict", content=path.read_bytes())
            runs = client.post("/predict?masks=rle", content=path.read_bytes())
            [found] = answer.json()["predictions"]
            own = Image.open(io.BytesIO(base64.b64decode(found.pop("png"))))
            np.testing.assert_array_equal(np.asarray(own), wanted.labels(0))
            assert own.size == (size[::-1] if number % 2 else size)
            assert found == wanted.record(0) | {"name": "image"}
            assert runs.json()["predictions"][0]["masks"] == wanted.masks(0)


def test_how_masks_are_sent_is_asked_for(masks):
    stream = io.BytesIO()
    draw_masked(0)[0].save(stream, "PNG")
    with TestClient(create_app(masks)) as client:
        [found] = client.post("/predict?masks=none", content=stream.getvalue()).json()[
            "predictions"
        ]
        assert not {"png", "masks"} & set(found)
        assert sum(found["share"].values()) == pytest.approx(1)
        refused = client.post("/predict?masks=gif", content=stream.getvalue())
        assert refused.status_code == 400
        assert refused.json()["error"] == "?masks=gif: choose png, rle, none"
        asked = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["parameters"]
        assert client.post("/predict", content=b"text").status_code == 422
    assert [(each["name"], each["schema"]["default"]) for each in asked] == [("masks", "png")]


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
