"""Backbones: what is known of a network without running it, and which engine runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from tests.nets.pools import SIZE, engine_of, inputs, plain_of, run_all

from headstart.errors import BackboneError, OptionError
from headstart.images.preprocess import Preprocess
from headstart.nets.engines.engine import verify_parity
from headstart.nets.pretrained import backbone as backbones
from headstart.nets.pretrained.backbone import Backbone, BackboneInfo, open_backbone
from headstart.nets.pretrained.source import Source

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
        "import sys; from headstart.nets.pretrained.backbone import native_precision as p;"
        "print(p('cpu'));"
        "sys.exit('torch' in sys.modules or 'openvino' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("bf16", "fp32")


def test_device_asked_for_is_the_device(monkeypatch):
    assert backbones.pick_device("cpu") == "cpu"
    assert backbones.pick_device("cuda") == "cuda"


# --- what is said of it -------------------------------------------------------------------------


def test_slices_lie_side_by_side():
    info = BackboneInfo((("stage1", 3), ("stage2", 5), ("last", 7)), 0, None)
    assert info.slices == {"stage1": slice(0, 3), "stage2": slice(3, 8), "last": slice(8, 15)}
    assert info.bounds == (0, 3, 8, 15)
    assert BackboneInfo((("last", 4),), 0, None).bounds == (0, 4)


def of_onnx(**settings: object) -> Backbone:
    """A backbone of which only the settings beside its file are looked at."""
    source = Source("onnx", "net.onnx", Path("some/net.onnx"), "0" * 32, settings=settings)
    return Backbone(source, source.fingerprint)


def test_without_settings_it_sees_as_is_usual():
    assert of_onnx().preprocess == Preprocess()


def test_settings_decide_how_it_sees():
    seen = of_onnx(
        input_size=[3, 112, 96], mean=[0.1, 0.2, 0.3], std=[0.5, 0.5, 0.5], crop_pct=0.9,
        interpolation="bilinear",
    ).preprocess  # fmt: skip
    assert (seen.size, seen.crop_pct, seen.interpolation) == (112, 0.9, "bilinear")
    assert (seen.mean, seen.std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("size", "asked", "wanted"),
    [
        (None, 224, (224, 224)),
        ([3, 64, 64], 64, (64, 64)),
        ([3, 64, 64], 96, (96, 96)),
        ([3, 112, 96], 112, (112, 96)),
    ],
)
def test_what_goes_in_is_the_middle_of_a_square(size, asked, wanted):
    settings = {} if size is None else {"input_size": size}
    assert of_onnx(**settings).input_shape(asked) == wanted


def test_a_template_of_faces_is_moved_into_the_square():
    points = [[30, 50], [66, 50], [48, 70], [33, 90], [63, 90]]
    placed = of_onnx(input_size=[3, 112, 96], alignment=points).face_template
    wanted = [((x + 8) / 112, y / 112) for x, y in points]
    assert np.allclose(placed, wanted)
    square = of_onnx(input_size=[3, 100, 100], alignment=points).face_template
    assert np.allclose(square, np.array(points) / 100)
    assert of_onnx().face_template is None


def test_an_onnx_file_has_one_size_and_no_classes():
    assert not of_onnx().takes_any_size()
    assert of_onnx().pretraining_classes == 0
    with pytest.raises(BackboneError, match=r"net\.onnx is an ONNX file: it can only be used froz"):
        _ = of_onnx().network


def test_names_for_people():
    assert of_onnx().name == "net.onnx"
    timm_one = Source("timm", "resnet18.a1_in1k", repo="timm/resnet18.a1_in1k")
    assert Backbone(timm_one, "x").name == "resnet18.a1_in1k"


def test_what_the_weights_were_trained_on(backbone):
    assert backbone.pretraining_classes == backbone.network.pretrained_cfg["num_classes"]
    assert backbone.takes_any_size()
    assert backbone.preprocess.size == SIZE


def test_a_copy_is_ones_own(backbone):
    copy = backbone.copy()
    with torch.no_grad():
        next(copy.parameters()).add_(1)
    assert not torch.equal(next(copy.parameters()), next(backbone.network.parameters()))


def test_a_cache_that_cannot_be_written_does_not_stop_it(backbone, monkeypatch):
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backbones, "write_atomic", full)
    assert backbone.info.bounds[0] == 0
    assert not (backbone.home / "info.json").exists()


def test_homes_differ_where_vectors_do(backbone, isolated_cache):
    homes = [backbone.home, backbone.randomised(1).home, backbone.randomised(2).home]
    assert len(set(homes)) == 3
    assert all(home.is_relative_to(isolated_cache) for home in homes)


def test_another_failure_of_its_own_size_is_not_put_into_words(backbone, monkeypatch):
    class Broken(torch.nn.Module):
        def forward_features(self, x):
            raise RuntimeError("out of order")

    backbone.__dict__["network"] = Broken()
    with pytest.raises(RuntimeError, match="out of order"):
        backbone.pool(backbone.preprocess)


def test_bf16_is_told_by_the_processor(monkeypatch):
    for flags, wanted in (("sse avx512_bf16", "bf16"), ("amx_bf16", "bf16"), ("avx2", "fp32")):
        monkeypatch.setattr(Path, "read_text", lambda self, flags=flags: flags)
        assert backbones.native_precision("cpu") == wanted

    def unreadable(self):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", unreadable)
    assert backbones.native_precision("cpu") == "fp32"
    assert backbones.native_precision("cuda") == "bf16"
