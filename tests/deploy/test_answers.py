"""An answer is finite, or an error."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.models import CLASSES, NUMBERS, exported_file, random_model

from headstart.deploy.answers import answer_of, finite
from headstart.errors import ModelError
from headstart.tasks.predictor import NO_NUMBER


@pytest.fixture(scope="module", params=[CLASSES, NUMBERS], ids=lambda spec: spec.task)
def model(request, tmp_path_factory):
    return exported_file(random_model(request.param), tmp_path_factory.mktemp("m") / "m.onnx")


@pytest.fixture
def outputs(model):
    return model.outputs(np.zeros((1, 1, 48, 48, 3), np.uint8))


def test_an_answer(model, outputs):
    found = answer_of(model, "a.png", [outputs], [np.zeros(4)])
    assert (found.status, found.record["name"]) == (200, "a.png")
    assert "error" not in found.record


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error_and_no_class(model, outputs, bad):
    spoilt = {key: np.full_like(value, bad) for key, value in outputs.items()}
    found = answer_of(model, "a.png", [spoilt], [np.zeros(4)])
    assert found.status == 500
    assert set(found.record) == {"name", "error"}
    assert found.record["error"] == NO_NUMBER


def test_a_model_that_refuses_is_an_error_of_that_image(model, outputs, monkeypatch):
    def refuse(*given, **named):
        raise ModelError("the model is damaged")

    monkeypatch.setattr(model, "decode", refuse)
    found = answer_of(model, "a.png", [outputs], [np.zeros(4)])
    assert (found.status, found.record["error"]) == (500, "the model is damaged")


def test_numbers_that_json_has_not():
    value = {"a": [1.0, float("nan")], "b": {"c": float("inf")}, "d": ("x", 2, None, True)}
    assert finite(value) == {"a": [1.0, None], "b": {"c": None}, "d": ["x", 2, None, True]}
    json.dumps(finite(value), allow_nan=False)
