"""A model as one graph with named outputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from tests.models import random_model

from headstart.exporting.graph import OPSET, Deployed, write_graph
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
