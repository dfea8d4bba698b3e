"""Options of `train`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.train import TrainOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": None}, "train needs DATA: one folder per class, or a table of images"),
        ({"tta": 3, "faces": True}, "--tta 3: of a face choose 1, or 2"),
        ({"tta": 6, "strategy": "finetune"}, "--tta 6 averages frozen features"),
        ({"tta": 3, "strategy": "scratch"}, "--tta 3 averages frozen features"),
        ({"views": 2, "faces": True}, "--views 2: a face is cut out in one way"),
        ({"views": 3, "strategy": "finetune"}, "--views 3 averages frozen features"),
        ({"task": "identity", "views": 2}, "--task identity looks at an image in one way"),
        ({"task": "identity", "tta": 2}, "--task identity looks at one view of an image"),
        ({"task": "detection", "tta": 2}, "--task detection looks at one view of an image"),
        ({"task": "classification", "tta": 8}, "--tta 8: of --task classification choose 1, 2"),
        ({"faces": True, "tta": 8}, "--tta 8: of a face choose 1, or 2"),
        ({"task": "detection", "tta": 8}, "--task detection looks at one view of an image"),
        ({"task": "segmentation", "tta": 3}, "--tta 3: of --task segmentation choose 1, 2 for"),
        ({"task": "identity", "strategy": "probe"}, "--task identity begins at the frozen"),
        ({"task": "identity", "lr": "auto"}, "--task identity learns at the rate of its recipe"),
        ({"recipe": "freeze=everything"}, "--recipe freeze=everything: choose none, head"),
        ({"recipe": "loss=triplet"}, "--recipe 'loss=triplet': give name=value"),
        ({"task": "identity", "recipe": "mixup=1"}, "--recipe mixup=1: a mixture of two"),
        ({"detector": "ssd", "faces": True}, "--detector ssd finds objects in boxes, not faces"),
        ({"detector": "fcos", "task": "segmentation"}, "--detector fcos learns to find objects in"),
        ({"detector": "yolo"}, "--detector yolo: of boxes choose fasterrcnn, retinanet, fcos, ssd"),
        ({"detector": "yunet"}, "--detector yunet: of boxes choose"),
        ({"detector": "face.onnx", "task": "detection"}, "--detector face.onnx: of boxes choose"),
        ({"tile": 512, "task": "classification"}, "--tile 512 is of masks, and this is"),
        ({"tile": 512, "strategy": "probe"}, "--tile 512 is answered by what is trained on"),
        ({"tile": 16}, "--tile 16: "),
        ({"segmenter": "u-net"}, "--segmenter u-net: choose unet, unetplusplus, manet"),
        ({"segmenter": "fpn", "task": "detection"}, "--segmenter fpn learns masks, and this is"),
        (
            {"segmenter": "fpn", "recipe": "width=64"},
            "--segmenter fpn has layers of its own: leave",
        ),
        ({"backbone": "torchvision"}, "--backbone torchvision is what a detector of torchvision's"),
        ({"log": "tensorboard,papyrus"}, "--log papyrus: choose tensorboard, mlflow or wandb"),
    ],
)
def test_contradictions(given, said):
    with pytest.raises(OptionError) as caught:
        TrainOptions(**{"data": "x"} | given)
    assert str(caught.value).startswith(said)


def test_one_flag_names_what_finds_faces_or_what_learns_boxes():
    assert TrainOptions(data="x").face_detector is None
    assert TrainOptions(data="x", faces=True).face_detector == "yunet"
    assert TrainOptions(data="x", faces=True, detector="face.onnx").face_detector == "face.onnx"
    asked = TrainOptions(data="x", detector="ssdlite")
    assert asked.face_detector is None
    assert asked.unfit_detector("detection") is None
    assert "this is classification: leave --detector out" in asked.unfit_detector("classification")
    assert TrainOptions(data="x").unfit_detector("classification") is None


def test_one_flag_names_what_learns_masks(monkeypatch):
    assert TrainOptions(data="x").segmenter == "auto"
    assert TrainOptions(data="x").unfit_segmenter("classification") is None
    asked = TrainOptions(data="x", segmenter="unet")
    assert asked.unfit_segmenter("segmentation") is None
    assert "this is detection: leave --segmenter out" in asked.unfit_segmenter("detection")
    monkeypatch.setattr("headstart.options.train.find_spec", lambda _: None)
    assert TrainOptions(data="x").segmenter == "auto"
    with pytest.raises(OptionError, match=r"not installed: pip install 'headstart\[segment\]'"):
        TrainOptions(data="x", segmenter="unet")


def test_a_run_is_resumed_without_data():
    assert TrainOptions(resume="runs/x").data is None


def test_views_that_go_together():
    assert TrainOptions(data="x", tta=2, faces=True, strategy="finetune").tta == 2


def test_the_recipe_that_options_make_together():
    options = TrainOptions(data="x", epochs=3, lr=0.5, hflip="no", recipe="dropout=0.2,epochs=4")
    found = options.given_recipe()
    assert (found.epochs, found.lr, found.hflip, found.dropout) == (4, 0.5, "no", 0.2)


def test_balance_is_a_way_or_a_column():
    assert TrainOptions(data="d").balance_column is None
    assert TrainOptions(data="d", balance="weights").given_recipe().balance == "weights"
    by_column = TrainOptions(data="d", balance="sex")
    assert by_column.balance_column == "sex"
    assert by_column.given_recipe().balance == "auto"
    with pytest.raises(OptionError, match="not in fine-tuning"):
        TrainOptions(data="d", balance="sex", strategy="finetune")
    with pytest.raises(OptionError, match="within classes"):
        TrainOptions(data="d", balance="sex", task="regression")
