"""Models of boxes and of masks give the named outputs of their heads, by any engine."""

from __future__ import annotations

import numpy as np
import pytest
from tests.box_models import box_model
from tests.dense_models import dense_model

from headstart.images.views import views_of
from headstart.nets.model import Model
from headstart.nets.place_runner import PlaceRunner

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("model", [box_model(), dense_model()], ids=["boxes", "masks"])
def test_engine_and_plain_torch_agree_also_after_saving(tmp_path, model):
    exact = PlaceRunner(model, images=5, exact=True)(IMAGES)
    assert {name: each.shape[1:] for name, each in exact.items()} == model.head.outputs_at(64)
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.head.plan == model.head.plan
    fast = PlaceRunner(loaded, images=100)(IMAGES)
    assert list(fast) == list(exact)
    assert all(np.abs(exact[name] - fast[name]).max() < 1e-2 for name in exact)
    scores = next(iter(exact))
    assert np.abs(exact[scores] - fast[scores]).max() < 1e-4


def test_scores_and_boxes_can_be_what_they_say():
    found = PlaceRunner(box_model(), images=5, exact=True)(IMAGES)
    assert ((found["scores"] >= 0) & (found["scores"] <= 1)).all()
    assert (found["boxes"][..., 2:] >= found["boxes"][..., :2]).all()


def test_probabilities_of_a_cell_are_one_together():
    found = PlaceRunner(dense_model(), images=5, exact=True)(IMAGES)["probabilities"]
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_an_image_and_its_mirror_image_get_the_same_answer_mirrored():
    both = np.concatenate((IMAGES, IMAGES[:, :, :, ::-1]), axis=1)
    runner = PlaceRunner(dense_model(), images=2, exact=True)
    found, turned, plain = (runner(each)["probabilities"] for each in (both, both[:, ::-1], IMAGES))
    np.testing.assert_allclose(found, turned[..., ::-1], atol=1e-6)
    assert np.abs(found - plain).max() > 1e-3


def test_an_image_turned_in_any_way_gets_the_same_answer_turned():
    views = views_of(8)
    runner = PlaceRunner(dense_model(), images=2, exact=True)
    seen = np.stack([[view.shown(each) for view in views] for each in IMAGES[:2, 0]])
    found = runner(seen)["probabilities"]
    for turn in views[3:6]:
        turned = [turn.shown(each) for each in IMAGES[:2, 0]]
        seen = np.stack([[view.shown(each) for view in views] for each in turned])
        np.testing.assert_allclose(turn.back(runner(seen)["probabilities"]), found, atol=1e-6)
