"""Heat maps: hot where the answer comes from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from headstart.auditing.explain import grad_cam, occlusion, overlay
from headstart.cli import main
from headstart.errors import OptionError
from headstart.nets.model import Model
from headstart.verbs.predict import predict


def test_occlusion_is_hot_where_the_answer_comes_from():
    def answer(inputs):
        """Sure of class 1 as far as the lower right quarter is bright."""
        share = inputs[:, 0, 32:, 32:].mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - share, share], axis=1)

    inputs = np.zeros((1, 64, 64, 3), np.uint8)
    inputs[:, 32:, 32:] = 255
    heat = occlusion(answer, inputs)
    assert heat.shape == (64, 64)
    assert heat.max() == 1
    assert heat[40:, 40:].mean() > 10 * heat[:24, :24].mean()


def test_nothing_that_matters_is_cold_everywhere():
    heat = occlusion(lambda s: np.full((len(s), 2), 0.5), np.zeros((1, 30, 30, 3), np.uint8))
    assert (heat == 0).all()


def test_grad_cam_agrees_with_occlusion_on_where(trained):
    """A red square on noise: the class is red, and the square is where it comes from."""
    _, run = trained
    model = Model.load(run.folder)
    size = model.preprocess.size
    rng = np.random.default_rng(0)
    square = rng.integers(60, 100, (size, size, 3), np.uint8)
    third = size // 3
    square[:third, :third] = rng.integers(0, 120, (third, third, 3), np.uint8)
    square[:third, :third, 0] += 100
    heat = grad_cam(model)(square[None])
    assert heat.shape == (size, size)
    assert 0 <= heat.min() <= heat.max() <= 1


@pytest.mark.parametrize("kind", ["exported", "run"])
def test_one_picture_for_each_image_that_can_be_read(exported, trained, new, tmp_path, kind):
    model = exported[1] / "model.onnx" if kind == "exported" else trained[1].folder
    found = predict(model, new, explain=tmp_path / "why" / "here")
    pictures = sorted((tmp_path / "why" / "here").iterdir())
    assert len(pictures) == (found.labels >= 0).sum() == 2
    size = Model.load(trained[1].folder).preprocess.size
    assert all(Image.open(each).size == (2 * size, size) for each in pictures)
    assert pictures[0].name.endswith("-a.png")


def test_the_left_half_is_the_image_itself():
    square = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    picture = np.asarray(overlay(square, np.zeros((20, 20))))
    assert picture.shape == (20, 40, 3)
    assert (picture[:, :20] == square).all()


def test_the_command_and_what_it_refuses(exported, new, tmp_path):
    model = str(exported[1] / "model.onnx")
    words = ["predict", model, str(new / "a.png"), "--explain", str(tmp_path / "why"), "--quiet"]
    assert main(words) == 0
    assert len(list((tmp_path / "why").iterdir())) == 1
    with pytest.raises(OptionError, match="--explain"):
        predict(model, "0", explain=tmp_path)
