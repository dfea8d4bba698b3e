"""The model of a run at work; what all predictors do: `tests/tasks/test_predictor.py`."""

from __future__ import annotations

import numpy as np
import pytest
from tests.drawn_masks import draw_masked
from tests.models import MASKS, random_model, write_photos

from headstart.data.dataset import Dataset
from headstart.features.extract import extract
from headstart.images.views import Look
from headstart.scoring.run_predictor import RunPredictor


@pytest.mark.parametrize("beside", [(), (Look("squash"), Look("crop", 0.5))])
def test_files_go_the_way_of_training_bit_for_bit(tmp_path, beside):
    photos = write_photos(tmp_path / "photos", 6)
    photos[2].write_bytes(b"broken")
    model = random_model(tta=2, beside=beside)
    names = [str(each) for each in photos]
    features = extract(
        Dataset.unlabelled(names), model.backbone, preprocess=model.preprocess, tta=2
    )
    readable = features.stats.readable
    expected = model.outputs(features.vectors[readable])["probabilities"]
    found = RunPredictor(model).predictions(photos)
    assert np.array_equal(found.probabilities[readable], expected)
    assert np.isnan(found.probabilities[2]).all()
    assert list(found.errors) == [names[2]]
    # Bytes go another way, through every look of each at once.
    again = RunPredictor(model).predict_proba([photos[0].read_bytes(), photos[1].read_bytes()])
    np.testing.assert_allclose(again, expected[:2], atol=1e-3)


def test_it_opens_a_folder_and_plain_torch_agrees_with_the_engine(tmp_path):
    random_model().save(tmp_path / "model")
    inputs = np.random.default_rng(0).integers(0, 256, (20, 1, 48, 48, 3), np.uint8)
    ways = (RunPredictor(tmp_path / "model"), RunPredictor(tmp_path / "model", exact=True))
    one, other = (each.outputs(inputs)["probabilities"] for each in ways)
    np.testing.assert_allclose(one, other, atol=1e-3)
    again = ways[0].outputs(inputs[:3])["probabilities"]
    np.testing.assert_allclose(again, one[:3], atol=1e-3)


def test_of_pixels_nothing_is_left_open_unless_asked_for():
    assert RunPredictor(random_model()).threshold == 0.5
    pixels = np.asarray(draw_masked(0)[0])
    masks = RunPredictor(random_model(MASKS), exact=True)
    assert masks.predictions(pixels).record(0)["unsure"] == 0
    asked = RunPredictor(random_model(MASKS), exact=True, threshold=0.6)
    assert asked.predictions(pixels).record(0)["unsure"] > 0.1
