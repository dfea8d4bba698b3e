"""Torchvision's own weights as a backbone: fetched without running them, and the same network."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch
from tests.nets.torchvision_maps import lively, maps, plan_of
from torchvision.models import detection

from headstart.errors import BackboneError
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import stage_maps
from headstart.nets.torchvision import coco as torchvision_coco
from headstart.nets.torchvision.build import build_torchvision, torchvision_net_of
from headstart.nets.torchvision.coco import COCO_HEAD, adopt, coco_head, fetch_coco, write_coco
from headstart.nets.torchvision.head import torchvision_head_of

NAMES = ("N/A", "person", "cat", "lamp")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def published(monkeypatch, file):
    monkeypatch.setattr(torchvision_coco, "_published", lambda _: (file.as_uri(), NAMES))


@pytest.mark.parametrize("kind", ["fcos", "retinanet"])
def test_what_was_fetched_is_the_same_network(cache, monkeypatch, kind):
    torch.manual_seed(0)
    model = getattr(detection, f"{kind}_resnet50_fpn")(
        weights=None, weights_backbone=None, num_classes=len(NAMES)
    ).eval()
    norm = model.backbone.body.bn1
    with torch.no_grad():  # so small that what is added to them tells
        norm.running_var.uniform_(1e-4, 3e-4)
        norm.weight.fill_(0.01)
    if kind == "retinanet":  # as its published weights were trained
        for module in model.backbone.body.modules():
            if hasattr(module, "eps"):
                module.eps = 0.0
    torch.save(model.state_dict(), cache / "plain.pth")
    sha = hashlib.sha256((cache / "plain.pth").read_bytes()).hexdigest()[:8]
    file = (cache / "plain.pth").rename(cache / f"{kind}_resnet50_fpn_coco-{sha}.pth")
    published(monkeypatch, file)
    folder = fetch_coco(kind)
    backbone = open_backbone(str(folder))
    head, names = coco_head(folder)
    assert names == NAMES
    net = torchvision_net_of(replace(head, plan=replace(head.plan, size=64)))
    pixels = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    stages = stage_maps(backbone, replace(backbone.preprocess, size=64))
    with torch.inference_mode():
        mine = net.outputs(list(net.model.backbone(stages.maps(pixels)).values()))
        plain = (pixels.permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        wanted = model.head(list(model.backbone(plain).values()))
    for name, each in wanted.items():
        torch.testing.assert_close(mine[name], each, atol=1e-4, rtol=1e-3)
    file.unlink()
    assert fetch_coco(kind) == folder, "once fetched it is here"


MEAN = [[[[0.485]], [[0.456]], [[0.406]]]]
STD = [[[[0.229]], [[0.224]], [[0.225]]]]


def test_what_cannot_be_fetched_is_said_in_one_line(cache, monkeypatch):
    published(monkeypatch, cache / "away-12345678.pth")
    with pytest.raises(BackboneError, match="cannot be had from") as caught:
        fetch_coco("retinanet")
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    with pytest.raises(BackboneError, match="--detector fasterrcnn, retinanet, fcos"):
        fetch_coco("ssd")


def test_nothing_in_a_checkpoint_is_run(cache, monkeypatch):
    class Harmful:
        def __reduce__(self):
            return (open, (str(cache / "ran"), "w"))

    torch.save({"weight": Harmful()}, cache / "bad.pth")
    sha = hashlib.sha256((cache / "bad.pth").read_bytes()).hexdigest()[:8]
    published(monkeypatch, (cache / "bad.pth").rename(cache / f"bad-{sha}.pth"))
    with pytest.raises(BackboneError, match="cannot be had"):
        fetch_coco("fcos")
    assert not (cache / "ran").exists()


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(BackboneError, match="no weights of torchvision's fcos"):
        write_coco("fcos", {"head.weight": torch.ones(1)}, NAMES, tmp_path / "f")


def test_a_damaged_head_is_named(tmp_path):
    assert coco_head(tmp_path) is None
    (tmp_path / COCO_HEAD).write_bytes(b"torn")
    with pytest.raises(BackboneError, match="is damaged"):
        coco_head(tmp_path)


@pytest.mark.parametrize("kind", ["fasterrcnn", "retinanet", "fcos"])
def test_a_class_that_is_known_by_name_begins_as_it_was(kind):
    old = lively(kind, 3)
    new = build_torchvision(plan_of(kind, 2), seed=5).eval()
    adopt(new, torchvision_head_of(old), ("person", "Cat", "lamp"), ("raccoon", "cat"))
    with torch.inference_mode():
        levels = [list(net.model.backbone(maps()).values()) for net in (old, new)]
        if kind == "fasterrcnn":
            vectors = torch.randn(4, 1024)
            (one, sides), (other, moved) = (
                net.model.roi_heads.box_predictor(vectors) for net in (old, new)
            )
            torch.testing.assert_close(one[:, 0], other[:, 0])  # background
            torch.testing.assert_close(one[:, 2], other[:, 2])
            torch.testing.assert_close(sides[:, 8:12], moved[:, 8:12])
            assert not torch.allclose(one[:, 1], other[:, 1])
            return
        one, other = (net.outputs(each) for net, each in zip((old, new), levels, strict=True))
    torch.testing.assert_close(one["cls_logits"][..., 1], other["cls_logits"][..., 1])
    torch.testing.assert_close(one["bbox_regression"], other["bbox_regression"])
    assert not torch.allclose(one["cls_logits"][..., 0], other["cls_logits"][..., 0])
