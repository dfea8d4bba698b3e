"""A model of boxes at work: the engine gives what plain torch gives."""

from __future__ import annotations

import numpy as np
from tests.box_models import box_model

from headstart.nets.box_head import grid
from headstart.nets.box_runner import BoxRunner
from headstart.nets.maps import map_layout
from headstart.nets.model import Model


def test_engine_and_plain_torch_agree_also_after_saving(tmp_path):
    model = box_model()
    size, plan = model.preprocess.size, model.head.plan
    images = np.random.default_rng(0).integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    scores, boxes = BoxRunner(model, images=5, exact=True)(images)
    shapes = map_layout(model.backbone, model.preprocess).shapes
    cells = grid(plan, [shapes[stage][1:] for stage in plan.stages])
    assert scores.shape == (5, len(cells), 2)
    assert boxes.shape == (5, len(cells), 4)
    assert (boxes[..., 2:] >= boxes[..., :2]).all()
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.head.plan == plan
    fast_scores, fast_boxes = BoxRunner(loaded, images=100)(images)
    assert np.abs(scores - fast_scores).max() < 1e-4
    assert np.abs(boxes - fast_boxes).max() < 1e-2
