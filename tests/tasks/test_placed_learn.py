"""What learning needs of torch wherever answers have a place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headstart.nets.masks.head import DensePlan
from headstart.nets.masks.net import build_dense
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.placed_learn import batches, begun
from headstart.tasks.segmentation.recipe import MaskRecipe

PLAN = DensePlan("pyramid", (4,), (4,), (0,), 2, 8)


@pytest.mark.parametrize("kind", [MaskRecipe, BoxRecipe])
def test_rare_classes_come_as_often_where_that_is_asked_for(kind):
    strata = np.array([0] * 12 + [1] * 2)
    recipe = kind(epochs=1, batch=4)
    plain = [key[0] for part in batches(strata, recipe, 0).epoch(0) for key in part]
    assert sorted(plain) == list(range(14))
    over = replace(recipe, balance="oversample")
    often = [key[0] for part in batches(strata, over, 0).epoch(0) for key in part]
    assert sum(strata[often]) == 12


def test_a_head_begins_with_the_maps_of_its_images_and_the_classes_of_its_plan():
    maps = [torch.randn(1, 4, 4, 4)]
    start = [torch.full((4,), 3.0)], [torch.full((4,), 2.0)]
    plain, moved = (begun(build_dense(PLAN), 2, each) for each in (None, start))
    with torch.inference_mode():
        assert torch.allclose(plain(maps), moved([maps[0] * 2 + 3]), atol=1e-4)
    with pytest.raises(AssertionError):
        begun(build_dense(PLAN), 3, None)
