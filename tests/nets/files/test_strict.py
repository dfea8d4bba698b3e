"""No config.json can make missing weights pass."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.nets.saved import ARCHITECTURE, change_config, change_weights, write_folder

from headstart.errors import BackboneError
from headstart.nets.files.strict import check_arguments, check_loaded
from headstart.nets.pretrained.source import resolve
from headstart.nets.pretrained.weights import load_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "backbone", ARCHITECTURE, num_classes=5)


def halved(weights: dict) -> dict:
    return {name: weights[name] for name in sorted(weights)[::2]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"pretrained_strict": False}, {"pretrained_filter_fn": None}, {"num_classes": 7},
        {"pretrained_cfg_overlay": {"num_classes": 7}}, {"pretrained": False},
        {"features_only": True}, {"checkpoint_path": "x.pth"}, {"in_chans": 4},
        {"no_such_argument": 1},
    ],
)  # fmt: skip
def test_arguments_that_say_how_to_load_are_refused(folder, arguments):
    """With the first, half of the weights are random, and nothing said so."""
    change_config(folder, model_args=arguments)
    change_weights(folder, halved)
    with pytest.raises(BackboneError, match=next(iter(arguments))) as caught:
        load_network(resolve(str(folder)))
    assert "config.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arguments", [[], "x", {"img_size": {"a": 1}}, {"pad_type": [[{}]]}])
def test_arguments_that_are_none(arguments):
    config = {"architecture": "x", "model_args": arguments}
    if not arguments:
        check_arguments(config, Path("config.json"))
        return
    with pytest.raises(BackboneError, match="model_args"):
        check_arguments(config, Path("config.json"))


def test_arguments_that_describe_a_network_pass(folder):
    change_config(folder, model_args={"global_pool": "max", "num_classes": 5, "in_chans": 3})
    load_network(resolve(str(folder)))


def test_missing_weights_are_named(folder):
    network = load_network(resolve(str(folder)))
    change_weights(folder, halved)
    with pytest.raises(BackboneError, match="missing"):
        check_loaded(network, folder / "model.safetensors", ["classifier"])


def test_what_was_not_loaded_is_seen(folder):
    """Whatever made timm pass over them: the values are not those of the file."""
    network = load_network(resolve(str(folder)))
    check_loaded(network, folder / "model.safetensors", ["classifier"])
    with torch.no_grad():
        network.conv_stem.weight[0, 0, 0, 0] += 1
    with pytest.raises(BackboneError, match=r"conv_stem\.weight differs"):
        check_loaded(network, folder / "model.safetensors", ["classifier"])


def test_half_precision_is_the_same(folder):
    change_weights(folder, lambda w: {k: v.half() if v.is_floating_point() else v
                                      for k, v in w.items()})  # fmt: skip
    load_network(resolve(str(folder)))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("test_vit", {}), ("test_vit", {"img_size": 96}), ("test_convnext", {}),
        ("test_byobnet", {}), ("test_mambaout", {}), ("test_nfnet", {}), ("test_efficientnet", {}),
    ],
)  # fmt: skip
def test_networks_as_timm_writes_them_load(tmp_path, name, options):
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(0)
    network = timm.create_model(name, **options)
    save_for_hf(network, tmp_path / "net", model_args=options or None, safe_serialization=True)
    found = load_network(resolve(str(tmp_path / "net")))
    assert all(torch.equal(network.state_dict()[k], v) for k, v in found.state_dict().items())
