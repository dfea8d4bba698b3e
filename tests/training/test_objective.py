"""What a task gives the loop is used as it says: the loss, what is watched, an own gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.nets.tiny import sees, tunable
from tests.training.trainings import LARGE, SIZE, pictures
from timm.models.resnet import BasicBlock

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.nets.batches.loader import Plan
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.schedule import Recipe

RECIPE = Recipe(epochs=1, batch=4, augment="none", freeze="head", ema=0.0)


@pytest.fixture
def begun(tmp_path):
    """Makes a training of eight images for an objective."""
    data = pictures(tmp_path / "data", (4, 4))
    inputs = InputImages(data, sees(LARGE), workers=1)
    options = {"block": BasicBlock, "channels": (16, 16, 16, 32), "stem_width": 8}

    def begin(**given) -> Training:
        plan = Plan(np.zeros(8, int), batch=4, epochs=1, seed=0)
        net = tunable(size=SIZE, classes=2, **options)
        compute = Compute(device="cpu", workers=0)
        return Training(net, RECIPE, inputs, Objective(plan, **given), compute=compute)

    return begin


def test_what_is_watched_goes_where_its_name_says(begun):
    def watch(outputs: torch.Tensor, targets: None) -> dict[str, torch.Tensor]:
        ones = torch.ones(len(outputs))
        return {"accuracy": 0.5 * ones, "effective_rank": 3 * ones, "iou": 0.25 * ones}

    one = begun(loss=lambda outputs, targets: outputs.sum(1) * 0 + 2.0, watch=watch)
    one.run()
    (epoch,) = one.history
    assert (epoch.loss, epoch.accuracy, epoch.effective_rank) == (2.0, 0.5, 3.0)
    assert epoch.others == {"iou": 0.25}
    assert math.isnan(epoch.active_triplets)


def test_a_gradient_of_its_own_needs_no_loss(begun):
    seen = []

    class Own:
        def __init__(self, replicas):
            self.net = replicas[0]

        def of(self, batch, step, pool):
            seen.append((step, sorted(batch.items.tolist())))
            self.net.head.bias.grad = torch.tensor([1.0, -1.0])
            return {"loss": 3.0 * len(batch.items)}

    one = begun(gradient=Own)
    before = one.net.head.bias.detach().clone()
    one.run()
    assert [step for step, _ in seen] == [0, 1]
    assert sorted(item for _, items in seen for item in items) == list(range(8))
    assert one.history[0].loss == 3.0
    assert math.isnan(one.history[0].accuracy)
    moved = one.net.head.bias.detach() - before
    assert moved[0] < 0 < moved[1]


def test_a_loss_of_sums_is_of_the_whole_batch(begun):
    seen = []

    class Spread:
        def sums(self, outputs, targets):
            return torch.stack([outputs.sum(), (outputs**2).sum()])

        def loss(self, sums, count):
            seen.append(count)
            return sums[1] / count - (sums[0] / count) ** 2 + 5

    one = begun(loss=Spread())
    one.run()
    assert seen == [4, 4]  # once a batch, however many threads summed
    assert one.history[0].loss > 4
