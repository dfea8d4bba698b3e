"""What learning boxes needs of torch."""

from __future__ import annotations

import torch

from headstart.nets.boxes.head import BoxPlan, grid
from headstart.tasks.detection.learn import correct, head, loss
from headstart.tasks.detection.recipe import BoxRecipe

PLAN = BoxPlan("pyramid", (6, 8), (8, 16), (0, 1), 2, 8, bins=8)
CELLS = grid(PLAN, [(8, 8), (4, 4)])


def test_a_head_takes_maps_as_they_come():
    start = [torch.full((6,), 3.0), torch.full((8,), -2.0)], [torch.ones(6) * 2, torch.ones(8)]
    plain, moved = head(PLAN, 2, seed=1), head(PLAN, 2, start, seed=1)
    maps = [torch.randn(1, 6, 8, 8), torch.randn(1, 8, 4, 4)]
    shifted = [maps[0] * 2 + 3, maps[1] - 2]
    assert torch.allclose(plain.raw(maps), moved.raw(shifted), atol=1e-4)


def test_the_loss_is_one_number_an_image_and_counts_as_the_recipe_says():
    raw = head(PLAN, 2, seed=1).raw([torch.randn(3, 6, 8, 8), torch.randn(3, 8, 4, 4)])
    targets = {
        "boxes": torch.tensor([[[8.0, 8, 40, 40]], [[0, 0, 64, 64]], [[0.0, 0, 0, 0]]]),
        "classes": torch.tensor([[1], [-2], [-1]]),
    }
    found = loss(BoxRecipe(), (PLAN, CELLS))(raw, targets)
    assert found.shape == (3,)
    assert torch.isfinite(found).all()
    heavy = loss(BoxRecipe(box_loss=20.0), (PLAN, CELLS))(raw, targets)
    assert heavy[0] > found[0]
    assert torch.allclose(heavy[1:], found[1:])
    few = loss(BoxRecipe(top=1), (PLAN, CELLS))(raw, targets)
    assert few[0] != found[0]
    assert correct(raw, targets) == {}
