"""The gradient of a batch: whoever computes which part of it, it is that of the mean loss."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from headstart.nets.batches.batch import Batch
from headstart.training.gradient import Gradient, autocast, seed_from, seed_torch, sum_gradients

RNG = torch.Generator().manual_seed(0)
BATCH = Batch(torch.randn(7, 3, generator=RNG), np.arange(7), torch.randn(7, 2, generator=RNG))


def squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).sum(1)


def watch(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"above": (outputs > targets).all(1)}


def nets(count: int = 1) -> list[nn.Linear]:
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    return [net, *(copy.deepcopy(net) for _ in range(count - 1))]


def taken(replicas: list[nn.Linear], loss=squares, **options) -> tuple[list, dict[str, float]]:
    with ThreadPoolExecutor(len(replicas)) as pool:
        sums = Gradient(replicas, loss, **options).of(BATCH, 0, pool)
    return [each.grad for each in replicas[0].parameters()], sums


@pytest.mark.parametrize(("replicas", "accumulate"), [(1, 1), (1, 3), (2, 1), (3, 2), (4, 9)])
def test_however_it_is_shared_out_it_is_that_of_the_mean(replicas, accumulate):
    (net,) = nets()
    losses = squares(net(BATCH.images), BATCH.targets)
    losses.mean().backward()
    found, sums = taken(nets(replicas), watch=watch, accumulate=accumulate)
    for mine, wanted in zip(found, net.parameters(), strict=True):
        torch.testing.assert_close(mine, wanted.grad)
    assert sums["loss"] == pytest.approx(float(losses.detach().sum()), rel=1e-5)
    assert sums["above"] == int(watch(net(BATCH.images), BATCH.targets)["above"].sum())


def test_a_loss_that_is_no_number_is_told_and_not_added_up():
    replicas = nets(2)
    _, sums = taken(replicas, lambda outputs, targets: squares(outputs, targets) / 0.0 - torch.inf)
    assert np.isnan(sums["loss"])
    assert replicas[1].weight.grad is not None


def test_gradients_are_added_to_the_first_and_taken_from_the_others():
    one, other, third = nets(3)
    one.weight.grad = torch.ones(2, 3)
    other.weight.grad = torch.full((2, 3), 2.0)
    third.weight.grad, third.bias.grad = torch.full((2, 3), 4.0), torch.ones(2)
    sum_gradients([one, other, third])
    assert one.weight.grad.unique().tolist() == [7.0]
    assert one.bias.grad.tolist() == [1.0, 1.0]  # where the first had none
    assert [each.weight.grad for each in (other, third)] == [None, None]


def test_what_is_drawn_follows_from_seed_and_step_alone():
    drawn = []
    with ThreadPoolExecutor(1) as pool:
        for seed, step in ((3, 5), (3, 5), (3, 6), (5, 3)):
            net = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).eval()
            nn.init.ones_(net[0].weight)
            nn.init.ones_(net[0].bias)
            drawn.append(Gradient([net], squares, seed=seed).of(BATCH, step, pool)["loss"])
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3
    assert len({seed_from(1, 2), seed_from(2, 1), seed_from(1), seed_from(1, 2, 1)}) == 4


def test_torch_is_seeded_as_ever_and_devices_that_are_not_there_are_not_asked(monkeypatch):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    if not torch.accelerator.is_available():
        monkeypatch.setattr(torch, "manual_seed", None)
    seed_torch(5)
    assert torch.equal(torch.rand(3), wanted)


def test_on_a_processor_numbers_keep_their_length():
    with autocast("cpu"):
        assert nn.Linear(3, 2)(BATCH.images).dtype == torch.float32
