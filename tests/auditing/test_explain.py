"""Heat maps: hot where the answer comes from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.models import CLASSES, NUMBERS, exported_file, random_model, write_photos

from headstart.auditing.explain import explain_images, grad_cam, occlusion, overlay
from headstart.compute import silent
from headstart.scoring.run_predictor import RunPredictor


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


def test_grad_cam_is_a_map_of_the_image():
    model = random_model()
    inputs = np.random.default_rng(0).integers(0, 256, (1, 48, 48, 3), np.uint8)
    heat = grad_cam(model)(inputs)
    assert heat.shape == (48, 48)
    assert 0 <= heat.min() <= heat.max() <= 1


@pytest.mark.parametrize("spec", [CLASSES, NUMBERS])
@pytest.mark.parametrize("kind", ["file", "run"])
def test_one_picture_for_each_image_that_has_an_answer(tmp_path, spec, kind):
    model = random_model(spec)
    photos = write_photos(tmp_path / "photos", 3)
    photos[1].write_bytes(b"broken")
    run = RunPredictor(model)
    predictor = run if kind == "run" else exported_file(model, tmp_path / "m.onnx")
    found = predictor.predictions(photos)
    own = model if kind == "run" else None
    explain_images(found, predictor, own, tmp_path / "why", silent)
    pictures = sorted((tmp_path / "why").iterdir())
    assert [each.name for each in pictures] == ["0000-0.png", "0002-2.png"]
    assert Image.open(pictures[0]).size == (96, 48)


def test_the_left_half_is_the_image_itself():
    square = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    picture = np.asarray(overlay(square, np.zeros((20, 20))))
    assert picture.shape == (20, 40, 3)
    assert (picture[:, :20] == square).all()
