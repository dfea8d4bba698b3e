"""A model on an ONNX backbone as one graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.models import CLASSES

from headstart.errors import ModelError
from headstart.exporting.measure import run_file
from headstart.exporting.merge_onnx import merge_onnx
from headstart.nets.heads.head import Head
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.scoring.run_predictor import RunPredictor


def model_on(
    folder: Path, *, pooled: bool = True, opset: int = 17, batch: str | int = "N", tta: int = 1
) -> Model:
    """A random head on an ONNX file: a convolution of portraits if pooled, else of landscapes."""
    height, width = (20, 12) if pooled else (12, 20)
    rng = np.random.default_rng(0)
    weight = numpy_helper.from_array(rng.normal(size=(6, 3, 5, 5)).astype(np.float32), "weight")
    nodes = [helper.make_node("Conv", ["inputs", "weight"], ["map"])]
    if pooled:
        nodes.append(helper.make_node("GlobalAveragePool", ["map"], ["mean"]))
        nodes.append(helper.make_node("Flatten", ["mean"], ["probabilities"]))
    last, shape = (
        ("probabilities", [batch, 6]) if pooled else ("map", [batch, 6, height - 4, width - 4])
    )
    # Its names are those of the whole, which must not be mixed up.
    given = helper.make_tensor_value_info("inputs", TensorProto.FLOAT, [batch, 3, height, width])
    found = helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "tiny", [given], [found], [weight])
    opsets = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "tiny.onnx")
    settings = {"input_size": [3, height, width], "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}
    (folder / "tiny.json").write_text(json.dumps(settings))
    backbone = open_backbone(str(folder / "tiny.onnx"))
    arrays = {"weights": rng.normal(0, 0.2, (4, 3)), "bias": rng.normal(size=4)}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    head = Head("linear", np.array([5, 0, 2]), arrays, 4)
    return Model(backbone, head, CLASSES, backbone.preprocess, tta, 1.7)


def images(model: Model, count: int = 5) -> np.ndarray:
    size = model.preprocess.size
    shape = (count, model.tta, size, size, 3)
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize(("opset", "kept"), [(13, 13), (17, 17), (18, 17), (10, 17)])
@pytest.mark.parametrize("tta", [1, 2])
def test_the_whole_answers_as_the_parts(tmp_path, pooled, opset, kept, tta):
    model = model_on(tmp_path, pooled=pooled, opset=opset, tta=tta)
    merge_onnx(model, tmp_path / "whole.onnx")
    given = images(model)
    expected = RunPredictor(model, exact=True).outputs(given)["probabilities"]
    assert np.ptp(expected, axis=0).max() > 0.01
    found = run_file(tmp_path / "whole.onnx", given)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-4)
    whole = onnx.load(tmp_path / "whole.onnx")
    assert [each.name for each in whole.graph.input] == ["inputs"]
    assert [each.name for each in whole.graph.output] == ["probabilities"]
    assert whole.opset_import[0].version == kept


def test_a_network_for_one_image_at_a_time_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"tiny\.onnx takes 1 image at a time.*free first dim"):
        merge_onnx(model_on(tmp_path, batch=1), tmp_path / "whole.onnx")
    assert not (tmp_path / "whole.onnx").exists()


def test_a_file_that_cannot_be_joined_is_named(tmp_path):
    model = model_on(tmp_path)
    vague = onnx.load(tmp_path / "tiny.onnx")
    vague.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(vague, tmp_path / "tiny.onnx")
    with pytest.raises(ModelError, match=r"tiny\.onnx cannot be joined .*shape.* missing"):
        merge_onnx(model, tmp_path / "whole.onnx")


def test_weights_among_the_inputs_and_other_outputs_do_not_matter(tmp_path):
    model = model_on(tmp_path, tta=2)
    odd = onnx.load(tmp_path / "tiny.onnx")
    weight = odd.graph.initializer[0]
    listed = onnx.helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims)
    odd.graph.input.insert(0, listed)
    more = odd.graph.node[0].output[0]
    odd.graph.output.append(onnx.helper.make_tensor_value_info(more, 1, ["N", None, None, None]))
    onnx.save(odd, tmp_path / "tiny.onnx")
    merge_onnx(model, tmp_path / "whole.onnx")
    found = run_file(tmp_path / "whole.onnx", images(model))
    assert list(found) == ["probabilities"]
    assert found["probabilities"].shape == (5, 4)
