"""What learning masks needs of torch."""

from __future__ import annotations

import numpy as np
import torch

from headstart.nets.masks.head import DensePlan
from headstart.tasks.segmentation.learn import correct, head, loss
from headstart.tasks.segmentation.recipe import MaskRecipe

PLAN = DensePlan("pyramid", (4,), (4,), (0,), 2, 8)


def test_the_head_is_that_of_the_plan():
    module = head(PLAN, 2, ([torch.full((4,), 3.0)], [torch.ones(4)]))
    assert module([torch.randn(1, 4, 4, 4)]).shape == (1, 2, 4, 4)


def test_accuracy_is_of_each_image_and_the_loss_of_all_of_them():
    shares = torch.eye(2)[torch.tensor([[[0, 1]], [[1, 1]]])].permute(0, 3, 1, 2)
    scores = 9 * shares
    scores[1] = -scores[1]
    made = loss(MaskRecipe(), np.ones(2, np.float32))
    right, wrong = (made.sums(scores[at : at + 1], shares[at : at + 1]) for at in range(2))
    assert float(made.loss(right, 1)) < 0.4 < float(made.loss(right + wrong, 2))
    assert correct(scores, shares)["accuracy"].tolist() == [1.0, 0.0]
