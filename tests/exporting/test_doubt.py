"""What tells when to doubt a model, inside of its graph: the same as outside of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from tests.models import NUMBERS, exported_file, random_model, write_photos

from headstart.deploy.server import create_app
from headstart.exporting.doubt import output_names
from headstart.images.views import Look
from headstart.probe.familiar import calibrated_unlike, fit_unlike
from headstart.records import OutputSpec
from headstart.scoring.run_predictor import RunPredictor


def doubting(*, floors=(0.1, 0.3, 0.0, 0.9), **options):
    """A model that knows its training images."""
    model = random_model(**options)
    last = model.backbone.info.slices["last"]
    columns = np.arange(last.start, last.stop)
    rng = np.random.default_rng(0)
    vectors = np.abs(rng.normal(size=(80, last.stop))).astype(np.float32)
    unlike = calibrated_unlike(vectors, np.arange(80) % 4, np.arange(80), columns)
    spec = model.spec
    if spec.task == "classification":
        spec = OutputSpec(spec.task, spec.names, spec.settings | {"floors": list(floors)})
    return replace(model, unlike=unlike, spec=spec)


@pytest.mark.parametrize(
    "options", [{}, {"tta": 2}, {"beside": (Look("squash"),)}, {"spec": NUMBERS}]
)
def test_the_file_doubts_as_the_model_does(tmp_path, options):
    model = doubting(**options)
    photos = write_photos(tmp_path / "photos", 5)
    plain, file = RunPredictor(model), exported_file(model, tmp_path / "m.onnx")
    names = [each.name for each in onnx.load(tmp_path / "m.onnx").graph.output]
    assert names == output_names(model)
    wanted, found = plain.predictions(photos), file.predictions(photos)
    assert np.ptp(wanted.unlike) > 1e-4
    np.testing.assert_allclose(found.unlike, wanted.unlike, rtol=1e-3)
    for row in range(5):
        one, other = found.record(row), wanted.record(row)
        assert one["unlike"] == other["unlike"] == (wanted.unlike[row] > 1)
        assert one.get("possible") == other.get("possible")
    every = replace(model, head=replace(model.head, columns=model.head.columns - 3))
    other = exported_file(every, tmp_path / "every.onnx")  # its head reads more than the last stage
    np.testing.assert_allclose(other.predictions(photos).unlike, wanted.unlike, rtol=1e-3)


def test_the_file_tells_the_plain_distance_too(tmp_path):
    model = doubting()
    columns = model.unlike.columns
    vectors = np.abs(np.random.default_rng(0).normal(size=(80, columns.max() + 1)))
    plain = fit_unlike(vectors.astype(np.float32), np.arange(80) % 4, columns, plain=True)
    photos = write_photos(tmp_path / "photos", 5)
    for unlike in (plain, replace(plain, rooted=True)):
        asked = replace(model, unlike=unlike)
        wanted = RunPredictor(asked).predictions(photos).unlike
        found = exported_file(asked, tmp_path / "m.onnx").predictions(photos).unlike
        assert np.ptp(wanted) > 1e-4
        np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_what_is_unlike_is_said_in_words_and_by_the_server(tmp_path):
    photos = write_photos(tmp_path / "photos", 1)
    model = doubting(floors=(0.0, 1.0, 0.0, 1.0))
    far = replace(model, unlike=model.unlike.scaled(1e3))
    near = replace(model, unlike=model.unlike.scaled(1e-3))
    assert "unlike anything" not in RunPredictor(near).predictions(photos).text(0)
    said = RunPredictor(far).predictions(photos).text(0)
    assert said.endswith(", unlike anything it was trained on")
    server = create_app(exported_file(far, tmp_path / "m.onnx"))
    with TestClient(server, base_url="http://localhost") as client:
        answer = client.post("/predict", content=photos[0].read_bytes()).json()
    record = answer["predictions"][0]
    assert record["unlike"] is True
    assert record["distance"] > 1
    assert record["possible"] == [model.spec.names[0], model.spec.names[2]]


def test_a_model_that_was_not_told_says_nothing(tmp_path):
    photos = write_photos(tmp_path / "photos", 1)
    record = exported_file(random_model(), tmp_path / "m.onnx").predictions(photos).record(0)
    assert not {"unlike", "distance", "possible"} & set(record)
