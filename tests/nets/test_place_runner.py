"""Models of boxes and of masks give the named outputs of their heads."""

from __future__ import annotations

import numpy as np
from tests.box_models import box_model

from headstart.nets.place_runner import place_runner


def test_a_model_of_boxes_gives_scores_and_boxes_as_its_head_says():
    model = box_model()
    images = np.random.default_rng(0).integers(0, 255, (2, 1, 64, 64, 3), np.uint8)
    found = place_runner(model, images=2, exact=True)(images)
    assert {name: each.shape[1:] for name, each in found.items()} == model.head.outputs_at(64)
    assert ((found["scores"] >= 0) & (found["scores"] <= 1)).all()
