"""Loading: strictly the weights that were saved, or one line that says what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.nets.saved import ARCHITECTURE, change_config, change_weights, write_folder

from headstart.errors import BackboneError
from headstart.nets.source import fingerprint, resolve
from headstart.nets.weights import load_network


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
    "changes", [{"architecture": "no_such_network"}, {"model_args": {"no_such_argument": 1}}]
)
def test_configuration_that_timm_cannot_build(folder, changes):
    change_config(folder, **changes)
    with pytest.raises(BackboneError, match="cannot build") as caught:
        load_network(resolve(str(folder)))
    assert "config.json" in str(caught.value)
