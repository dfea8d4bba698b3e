"""A model as one graph with named outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from tests.models import exported_file, random_model, write_photos

from headstart.exporting.graph import OPSET, Deployed, write_graph
from headstart.images.views import Look
from headstart.scoring.run_predictor import RunPredictor


@pytest.mark.parametrize("tta", [1, 2])
def test_the_graph_names_what_goes_in_and_comes_out(tmp_path, tta):
    write_graph(random_model(tta=tta), tmp_path / "m.onnx")
    graph = onnx.load(tmp_path / "m.onnx")
    assert [each.name for each in graph.graph.input] == ["inputs"]
    assert [each.name for each in graph.graph.output] == ["probabilities"]
    assert graph.opset_import[0].version == OPSET


def test_scores_are_before_the_softmax():
    model = random_model()
    inputs = np.random.default_rng(0).integers(0, 256, (3, 1, 48, 48, 3), np.uint8)
    with torch.inference_mode():
        scores = Deployed(model, scores=True).eval()(torch.from_numpy(inputs))
    expected = RunPredictor(model, exact=True).outputs(inputs)["probabilities"]
    np.testing.assert_allclose(scores.softmax(1).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("tta", [1, 2])
def test_a_model_of_several_looks_is_one_graph(tmp_path, tta):
    model = random_model(tta=tta, beside=(Look("squash"), Look("crop", 0.5)))
    photos = write_photos(tmp_path / "photos", 4)
    predictor = exported_file(model, tmp_path / "m.onnx")
    wanted = RunPredictor(model).predict_proba(photos)
    np.testing.assert_allclose(predictor.predict_proba(photos), wanted, atol=1e-4)
    assert np.abs(wanted - wanted[0]).max() > 1e-3
    every = replace(model, head=replace(model.head, columns=model.head.columns - 3))
    other = exported_file(every, tmp_path / "every.onnx")  # reads more than the last stage
    wanted = RunPredictor(every).predict_proba(photos)
    np.testing.assert_allclose(other.predict_proba(photos), wanted, atol=1e-4)
