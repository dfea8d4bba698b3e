"""Loading: strictly the weights that were saved, or one line that says what does not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.nets.saved import ARCHITECTURE, change_config, change_weights, write_folder

from headstart.errors import BackboneError
from headstart.nets.pretrained.source import fingerprint, resolve
from headstart.nets.pretrained.weights import load_network, save_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backbone in timm's layout, with a classifier of five classes and weights from a seed."""
    return write_folder(tmp_path / "backbone", ARCHITECTURE, num_classes=5)


def test_load_network_gives_the_saved_weights_without_the_classifier(folder):
    import torch
    from safetensors.torch import load_file

    network = load_network(resolve(str(folder)))
    saved = load_file(folder / "model.safetensors")
    state = network.state_dict()
    assert set(saved) - set(state) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(state[key], saved[key]) for key in state)
    assert not network.training
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, network.num_features)
    assert network.pretrained_cfg["crop_pct"] == pytest.approx(0.95)


def test_weights_without_a_classifier_load_too(folder):
    change_weights(folder, lambda w: {k: v for k, v in w.items() if "classifier" not in k})
    load_network(resolve(str(folder)))


def test_random_weights_on_request(folder):
    import torch

    source = resolve(str(folder))
    one, two = load_network(source), load_network(source, pretrained=False)
    assert one.state_dict().keys() == two.state_dict().keys()
    assert not torch.equal(one.conv_stem.weight, two.conv_stem.weight)


def test_starter():
    try:
        source = resolve("starter")
    except BackboneError:
        pytest.skip("the starter weights are not in this checkout")
    assert source.kind == "starter"
    assert fingerprint(source) == source.fingerprint
    load_network(source)


def test_real_weights(real_weights):
    network = load_network(resolve(str(real_weights("mobilenetv2_100"))))
    assert network.num_features == 1280


def _drop(weights):
    del weights["conv_stem.weight"]


def _add(weights):
    weights["stranger.weight"] = weights["conv_stem.weight"].clone()


def _reshape(weights):
    weights["conv_stem.weight"] = weights["conv_stem.weight"][:, :, :1].contiguous()


def _poison(weights):
    weights["conv_stem.weight"][0] = float("nan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop, ["1 missing (conv_stem.weight)"]),
        (_add, ["1 not in the network (stranger.weight)"]),
        (
            _reshape,
            ["1 of another shape (conv_stem.weight: [24, 3, 1, 3] instead of"],
        ),
        (_poison, ["not-a-number", "conv_stem.weight"]),
    ],
)
def test_wrong_weights_are_named(folder, change, words):
    change_weights(folder, change)
    with pytest.raises(BackboneError) as caught:
        load_network(resolve(str(folder)))
    for word in [*words, "model.safetensors"]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_weights(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BackboneError, match=r"model\.safetensors: not a whole safetensors"):
        load_network(resolve(str(folder)))


def test_a_pickle_is_refused_with_the_reason(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BackboneError, match=r"pytorch_model\.bin: a pickle"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not an object"),
        ('{"model_type": "vit"}', "transformers"),
        ('{"architecture": "resnet18", "pretrained_cfg": 3}', "pretrained_cfg"),
    ],
)
def test_wrong_configuration(folder, config, word):
    (folder / "config.json").write_text(config)
    with pytest.raises(BackboneError, match=word) as caught:
        resolve(str(folder))
    assert "config.json" in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"architecture": "no_such_network"}, {"model_args": {"patch_size": 1}}]
)
def test_configuration_that_timm_cannot_build(folder, changes):
    change_config(folder, **changes)
    with pytest.raises(BackboneError, match="cannot build") as caught:
        load_network(resolve(str(folder)))
    assert "config.json" in str(caught.value)


def onnx_with_data(folder: Path, data: str = "net.onnx.data", value: float = 1.0) -> Path:
    """A network of one product whose weights lie in a file of their own."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir(exist_ok=True)
    weights = numpy_helper.from_array(np.full((3, 4), value, np.float32), "w")
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["m", "w"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    (folder / data).parent.mkdir(exist_ok=True)
    onnx.save(
        model, folder / "net.onnx", save_as_external_data=True, location=data, size_threshold=0
    )
    return folder / "net.onnx"


@pytest.mark.parametrize("data", ["net.onnx.data", "more/weights.bin"])
def test_a_copy_of_an_onnx_file_has_its_external_weights(tmp_path, data):
    import numpy as np
    import onnx
    from onnx import numpy_helper

    source = resolve(str(onnx_with_data(tmp_path / "a", data, 2.5)))
    save_source(source, tmp_path / "copy")
    copied = resolve(str(tmp_path / "copy" / "network.onnx"))
    assert (copied.data, copied.fingerprint) == (source.data, source.fingerprint) != ((), "")
    shutil.rmtree(tmp_path / "a")
    model = onnx.load(tmp_path / "copy" / "network.onnx")
    assert np.all(numpy_helper.to_array(model.graph.initializer[0]) == 2.5)


def test_external_weights_under_a_name_of_ours_are_refused(tmp_path):
    source = resolve(str(onnx_with_data(tmp_path / "a", "network.onnx")))
    with pytest.raises(BackboneError, match="under another location"):
        save_source(source, tmp_path / "copy")


def test_a_run_on_external_weights_stands_on_its_own(tmp_path, monkeypatch):
    """Answers and an export without the folder that it was trained from, nor the cache."""
    import numpy as np

    from headstart.exporting.graph import write_graph
    from headstart.images.preprocess import Preprocess
    from headstart.nets.heads.head import Head
    from headstart.nets.model import Model
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.records import OutputSpec
    from headstart.scoring.run_predictor import RunPredictor

    file = onnx_with_data(tmp_path / "a", value=0.5)
    file.with_suffix(".json").write_text('{"input_size": [3, 32, 32]}')
    head = Head("linear", np.arange(4), {"weights": np.eye(2, 4, dtype=np.float32),
                                         "bias": np.zeros(2, np.float32)}, 2)  # fmt: skip
    spec = OutputSpec("classification", ("a", "b"))
    Model(open_backbone(str(file)), head, spec, Preprocess(32), 1, 1.0).save(tmp_path / "model")
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    before = RunPredictor(tmp_path / "model").predict_proba(image)
    shutil.rmtree(tmp_path / "a")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "empty"))
    assert np.array_equal(RunPredictor(tmp_path / "model").predict_proba(image), before)
    write_graph(Model.load(tmp_path / "model"), tmp_path / "m.onnx")
    assert not resolve(str(tmp_path / "m.onnx")).data
