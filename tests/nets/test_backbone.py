"""Backbones: what is known of a network without running it, and which engine runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from tests.nets.pools import SIZE, engine_of, inputs, plain_of, run_all

from headstart.errors import OptionError
from headstart.images.preprocess import Preprocess
from headstart.nets import backbone as backbones
from headstart.nets.backbone import Backbone, open_backbone
from headstart.nets.engine import verify_parity

pytestmark = pytest.mark.usefixtures("one_thread")


def test_card_is_learnt_once_and_kept(backbone, monkeypatch):
    info = backbone.info
    assert info.bounds[-1] == sum(width for _, width in info.stages)
    assert info.slices["last"].stop == info.bounds[-1]
    assert info.parameters == sum(each.numel() for each in backbone.network.parameters())
    monkeypatch.setattr(Backbone, "_learn", lambda self: pytest.fail("learnt again"))
    assert open_backbone(str(backbone.source.path)).info == info


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"stages": 3}', '{"stages": [["a", 1]]}'])
def test_damaged_card_is_learnt_again(backbone, content):
    info = backbone.info
    (backbone.home / "info.json").write_text(content)
    again = open_backbone(str(backbone.source.path))
    assert again.info == info
    assert json.loads((backbone.home / "info.json").read_text())["parameters"] == info.parameters


def test_size_that_the_network_does_not_take(backbone):
    fixed = timm.create_model("test_vit", num_classes=0, img_size=SIZE, dynamic_img_size=False)
    backbone.__dict__["network"] = fixed
    with pytest.raises(OptionError, match=r"96 px.*leave --image-size out for its own 64 px"):
        backbone.pool(Preprocess(96))


def test_random_control_is_the_same_network_with_other_weights(backbone):
    control, again = backbone.randomised(3), backbone.randomised(3)
    before = torch.random.get_rng_state()
    weights = control.network.state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert control.home != backbone.home
    for name, weight in again.network.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert not torch.equal(weights["layer1.0.conv1.weight"],
                           backbone.network.state_dict()["layer1.0.conv1.weight"])  # fmt: skip
    assert control.info.bounds == backbone.info.bounds


@pytest.mark.parametrize("images", [10, 1000])
def test_engine_gives_the_vectors_of_plain_torch(backbone, images):
    engine = engine_of(backbone, images=images)
    assert engine.summary.startswith("torch" if images < 200 else "OpenVINO")
    many = inputs(engine.batch * (engine.depth + 2) + 3)  # more than fit, the last not full
    vectors = run_all(engine, many)
    assert vectors.dtype == np.float32
    reference = plain_of(backbone, many)
    verify_parity(vectors, reference, precision=engine.precision, bounds=backbone.info.bounds)
    if engine.precision == "fp32":
        np.testing.assert_allclose(vectors, reference, rtol=1e-2, atol=1e-3)


def test_a_batch_of_one(backbone):
    engine = engine_of(backbone)
    images = inputs(3)
    together = run_all(engine, images)
    for number in range(3):
        alone = run_all(engine, images[number : number + 1])
        np.testing.assert_allclose(alone[0], together[number], rtol=1e-3, atol=1e-4)


def test_precision_is_said_without_torch():
    code = (
        "import sys; from headstart.nets.backbone import native_precision as p; print(p('cpu'));"
        "sys.exit('torch' in sys.modules or 'openvino' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("bf16", "fp32")


def test_device_asked_for_is_the_device(monkeypatch):
    assert backbones.pick_device("cpu") == "cpu"
    assert backbones.pick_device("cuda") == "cuda"
