"""COCO's detectors as backbones: checked key by key, and all that any other backbone is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.published_files import checkpoint

from headstart.errors import BackboneError
from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.loss import box_losses
from headstart.nets.boxes.net import BoxRows, box_net_of
from headstart.nets.detectors.coco import BOX_HEAD, COCO_CLASSES, DETECTORS
from headstart.nets.detectors.convert import convert_detector
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout, stage_maps
from headstart.nets.pretrained.weights import save_network
from headstart.records import OutputSpec


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("detectors")
    for architecture in DETECTORS:
        checkpoint(place / "a.pth", architecture)
        convert_detector([place / "a.pth"], place / architecture)
    return {architecture: place / architecture for architecture in DETECTORS}


def copy_of(folder: Path, place: Path, change=None, config=None) -> str:
    """The folder with other tensors or another configuration."""
    place.mkdir()
    tensors = load_file(folder / "model.safetensors")
    about = json.loads((folder / "config.json").read_text())
    save_file(change(tensors) if change else tensors, place / "model.safetensors")
    (place / "config.json").write_text(json.dumps(config(about) if config else about))
    return str(place)


@pytest.mark.parametrize("architecture", DETECTORS)
def test_stages_are_the_levels(architecture, folders):
    backbone = open_backbone(str(folders[architecture]))
    preprocess = replace(backbone.preprocess, size=128)
    layout, plan = map_layout(backbone, preprocess), DETECTORS[architecture]
    assert layout.shapes == tuple(
        (c, 128 // stride, 128 // stride)
        for c, stride in zip(plan.channels, plan.strides, strict=True)
    )
    head, names = backbone.box_head
    assert (head.plan, names) == (plan, COCO_CLASSES)
    pooled = backbone.pool(preprocess)(torch.zeros(2, 128, 128, 3, dtype=torch.uint8))
    assert pooled.shape == (2, backbone.info.bounds[-1])
    assert backbone.pretraining_classes == 80
    odd = stage_maps(backbone, replace(preprocess, size=100))
    assert odd(torch.zeros(1, 100, 100, 3, dtype=torch.uint8)).shape[0] == 1
    other = backbone.randomised(3).network.state_dict()
    assert all(
        not torch.equal(each, other[name]) for name, each in backbone.network.state_dict().items()
    )


@pytest.mark.parametrize("architecture", DETECTORS)
def test_it_trains_end_to_end_and_is_kept(architecture, folders, tmp_path):
    backbone = open_backbone(str(folders[architecture]))
    head, _ = backbone.box_head
    layers = head.class_layers()
    two = head.with_classes([w[:2] for w, _ in layers], [b[:2] for _, b in layers])
    preprocess = replace(backbone.preprocess, size=96, geometry="pad")
    net = BoxRows(box_net_of(two))
    model = TrainableModel(backbone.copy(), preprocess, None, net)
    assert model.n_stages >= 5
    model.set_trainable(model.n_stages)
    images = torch.randint(0, 256, (2, 96, 96, 3), dtype=torch.uint8)
    cells = net.net.cells(model.pool.maps(images))
    targets = {
        "boxes": torch.tensor([[[10.0, 10, 60, 70]], [[0, 0, 0, 0]]]),
        "classes": torch.tensor([[1], [-1]]),
    }
    box_losses(model(images), targets, plan=two.plan, cells=cells).sum().backward()
    assert all(each.grad is not None for each in model.parameters())
    with torch.no_grad():
        for each in model.parameters():
            each -= 1e-3 * each.grad.sign()
    save_network(model.pool.network, backbone.source, tmp_path / "tuned")
    tuned = open_backbone(str(tmp_path / "tuned"))
    assert tuned.box_head is None  # its last layers are the model's now
    spec = OutputSpec("detection", ("a", "b"), {})
    Model(tuned, two, spec, preprocess, 1, 1.0).save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    saved = loaded.backbone.network.state_dict()
    assert all(
        torch.equal(each, saved[name]) for name, each in model.pool.network.state_dict().items()
    )


def test_every_tensor_is_checked(folders, tmp_path):
    folder = folders["yolox_nano"]
    name = "backbone.C3_n4.conv3.conv.bias"

    def without(tensors):
        return {key: each for key, each in tensors.items() if key != name}

    changes = {
        "missing": without,
        "not in the network": lambda t: t | {"more": torch.zeros(1)},
        "instead of": lambda t: t | {name: torch.zeros(3)},
        "not-a-number": lambda t: t | {name: torch.full_like(t[name], torch.nan)},
    }
    for number, (said, change) in enumerate(changes.items()):
        place = copy_of(folder, tmp_path / str(number), change)
        with pytest.raises(BackboneError, match=said):
            open_backbone(place).network  # noqa: B018


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("box_head is damaged", lambda c: c | {BOX_HEAD: {"plan": 3}}),
        ("names 1 classes", lambda c: c | {BOX_HEAD: c[BOX_HEAD] | {"names": ["a"]}}),
        ("not in the network", lambda c: {k: v for k, v in c.items() if k != BOX_HEAD}),
        ("model_args", lambda c: c | {"model_args": {"checkpoint_path": "x"}}),
        ("no mean", lambda c: c | {"pretrained_cfg": {"input_size": [3, 64, 64]}}),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(said, change, folders, tmp_path):
    place = copy_of(folders["nanodet_plus_m"], tmp_path / "a", config=change)
    with pytest.raises(BackboneError, match=said):
        open_backbone(place).network  # noqa: B018


def test_last_layers_of_other_levels_are_refused(folders, tmp_path):
    other = BoxPlan("levels", (96,), (8,), (0,), 80, bins=8).meta()
    place = copy_of(
        folders["nanodet_plus_m"], tmp_path / "a",
        config=lambda c: c | {BOX_HEAD: c[BOX_HEAD] | {"plan": other}},
    )  # fmt: skip
    with pytest.raises(BackboneError, match="levels are not those"):
        open_backbone(place).box_head  # noqa: B018


def test_a_detector_without_weights_says_how_to_have_them(tmp_path):
    with pytest.raises(BackboneError, match="headstart convert FILE"):
        open_backbone("yolox_nano")
    checkpoint(tmp_path / "a.pth", "yolox_nano")
    with pytest.raises(BackboneError, match=r"headstart convert .*a\.pth"):
        open_backbone(str(tmp_path / "a.pth"))
    assert open_backbone("starter").box_head is None
