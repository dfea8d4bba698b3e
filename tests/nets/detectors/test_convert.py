"""Published detectors become backbone folders that answer alike, or are refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tests.published_files import Published, checkpoint, folded, onnx_file

from headstart.errors import BackboneError, OutputError
from headstart.nets.detectors.coco import COCO_CLASSES, DETECTORS
from headstart.nets.detectors.convert import convert_detector
from headstart.nets.model import Model
from headstart.nets.place_runner import PlaceRunner
from headstart.nets.pretrained.backbone import open_backbone
from headstart.records import OutputSpec


def model_of(folder, size=416):
    backbone = open_backbone(str(folder))
    head, names = backbone.box_head
    preprocess = backbone.preprocess.from_json(
        {**backbone.preprocess.fields, "size": size, "geometry": "pad"}
    )
    return Model(backbone, head, OutputSpec("detection", names, {}), preprocess, 1, 1.0)


def fed(architecture, images):
    """(N, 3, H, W) as the authors feed RGB images."""
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if architecture == "nanodet_plus_m":
        mean, std = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
    pixels = (images[..., ::-1] - np.float32(mean)) / np.float32(std)
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32).copy())


def told(architecture, rows):
    """Scores of classes as the authors multiply them."""
    if architecture == "nanodet_plus_m":
        return rows[..., :-32]
    return rows[..., 5:] * rows[..., 4:5]


@pytest.mark.parametrize("architecture", DETECTORS)
def test_a_checkpoint_answers_as_the_network_it_is_of(architecture, tmp_path):
    state = checkpoint(tmp_path / "theirs.pth", architecture)
    found = convert_detector([tmp_path / "theirs.pth"], tmp_path / "ours")
    assert (found.architecture, found.classes) == (architecture, COCO_CLASSES)
    assert found.difference is None
    images = np.random.default_rng(0).integers(0, 256, (2, 416, 416, 3), dtype=np.uint8)
    with torch.inference_mode():
        wanted = Published(architecture, state).eval()(fed(architecture, images))
    found = PlaceRunner(model_of(tmp_path / "ours"), images=2, exact=True)(images[:, None])
    assert np.abs(found["scores"] - told(architecture, wanted).numpy()).max() < 1e-4


def test_the_averaged_weights_of_a_checkpoint_are_taken_and_said(tmp_path):
    checkpoint(tmp_path / "theirs.ckpt", "nanodet_plus_m")  # the others are zero there
    found = convert_detector([tmp_path / "theirs.ckpt"], tmp_path / "ours")
    assert "averaged" in found.taken


@pytest.mark.parametrize("architecture", DETECTORS)
def test_an_onnx_file_is_proven(architecture, tmp_path):
    onnx_file(tmp_path / "theirs.onnx", architecture)
    found = convert_detector([tmp_path / "theirs.onnx"], tmp_path / "ours")
    assert found.architecture == architecture
    assert found.difference < 1e-4


def test_what_answers_otherwise_is_refused(tmp_path):
    """Same shapes in the same order, but another activation."""
    module = Published("nanodet_plus_m", folded("nanodet_plus_m"))
    module.network.backbone.conv1[0].act = torch.tanh
    torch.onnx.export(
        module.eval(), (torch.zeros(1, 3, 416, 416),), tmp_path / "a.onnx", dynamo=False
    )
    with pytest.raises(BackboneError, match="answers otherwise"):
        convert_detector([tmp_path / "a.onnx"], tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_other_classes_need_their_names(tmp_path):
    checkpoint(tmp_path / "a.pth", "yolox_nano", classes=3)
    with pytest.raises(BackboneError, match="3 classes"):
        convert_detector([tmp_path / "a.pth"], tmp_path / "ours")
    with pytest.raises(BackboneError, match="2 different names"):
        convert_detector([tmp_path / "a.pth"], tmp_path / "ours", names=["a", "b"])
    found = convert_detector([tmp_path / "a.pth"], tmp_path / "ours", names=["a", "b", "c"])
    assert open_backbone(str(found.folder)).box_head[1] == ("a", "b", "c")


def test_files_that_are_none_of_these_are_refused(tmp_path):
    out = tmp_path / "ours"
    with pytest.raises(BackboneError, match="no such file"):
        convert_detector([tmp_path / "none.onnx"], out)
    with pytest.raises(BackboneError, match="a folder; name the file in it"):
        convert_detector([tmp_path], out)
    for name in ("a.txt", "b.onnx", "c.pth"):
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(BackboneError, match=name.replace(".", r"\.")):
            convert_detector([tmp_path / name], out)
    with pytest.raises(BackboneError, match="together"):
        convert_detector([tmp_path / "a.txt", tmp_path / "b.onnx"], out)
    (tmp_path / "d.param").write_text("7767517\n0 0\n")
    with pytest.raises(BackboneError, match=r"\.bin"):
        convert_detector([tmp_path / "d.param"], out)
    out.mkdir()
    (out / "mine").write_text("")
    with pytest.raises(OutputError, match="exists"):
        convert_detector([tmp_path / "b.onnx"], out)


@pytest.mark.parametrize("name", ["nanodet_plus", "yolox_nano"])
def test_the_published_networks_find_people(name, tmp_path, real_weights, real_data):
    """And YOLOX answers as ONNX Runtime does on photos."""
    place, photos = real_weights(name), real_data("human_seg")
    files = sorted(place.glob("*.onnx")) or [next(place.glob("*.param"))]
    found = convert_detector(files, tmp_path / "ours")
    assert found.difference < 1e-4
    model = model_of(found.folder)
    taken = sorted((photos / "images").glob("*.jpg"))[:8]
    raw = [np.asarray(Image.open(file).convert("RGB")) for file in taken]
    images = np.stack([model.preprocess.fit(each) for each in raw])
    answer = PlaceRunner(model, images=len(images), exact=True)(images[:, None])
    scores, boxes = answer["scores"], answer["boxes"]
    person = scores[..., 0].argmax(1)
    assert (scores[np.arange(len(images)), person, 0] > 0.5).all()
    sides = boxes[np.arange(len(images)), person]
    assert ((sides[:, 2:] - sides[:, :2]).min(1) > 50).all()
    if name == "yolox_nano":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(files[0]))
        given = session.get_inputs()[0].name
        rows = [session.run(None, {given: each[None].numpy()})[0] for each in fed(name, images)]
        assert np.abs(told(name, np.concatenate(rows)) - scores).max() < 5e-4


def test_a_converted_folder_says_its_licence_and_preprocessing(tmp_path):
    checkpoint(tmp_path / "a.pth", "nanodet_plus_m")
    convert_detector([tmp_path / "a.pth"], tmp_path / "ours")
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert config["pretrained_cfg"]["license"] == "apache-2.0"
    backbone = open_backbone(str(tmp_path / "ours"))
    assert np.allclose(backbone.preprocess.mean, (0.485, 0.456, 0.406))
    assert backbone.info.licence == "apache-2.0"


@pytest.mark.parametrize("name", ["nanodet_plus", "yolox_nano"])
def test_the_first_weights_are_not_smaller_than_a_few_steps_of_training(
    name, tmp_path, real_weights
):
    """Published for inputs up to 255 they are, and AdamW at 4e-4 would soon have unlearnt them."""
    place = real_weights(name)
    files = sorted(place.glob("*.onnx")) or [next(place.glob("*.param"))]
    network = open_backbone(str(convert_detector(files, tmp_path / "ours").folder)).network
    first = next(iter(network.parameters()))
    assert first.square().mean().sqrt() > 0.1
