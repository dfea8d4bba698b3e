"""A loss of sums over a batch: however many threads share it out, its gradient is that of all."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import OptionError
from headstart.nets.batches.batch import Batch
from headstart.training.summed import SummedGradient, SummedLoss

RNG = torch.Generator().manual_seed(0)
BATCH = Batch(torch.randn(5, 3, generator=RNG), np.arange(5), torch.rand(5, 2, generator=RNG))


class Overlap:
    """No sum over images of anything: what is found is shared by all of them."""

    def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found = outputs.sigmoid()
        return torch.cat([(found * targets).sum(0), (found + targets).sum(0)])

    def loss(self, sums: torch.Tensor, count: int) -> torch.Tensor:
        return (1 - 2 * sums[:2] / sums[2:]).mean()


def nets(count: int) -> list[nn.Linear]:
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    return [net, *(copy.deepcopy(net) for _ in range(count - 1))]


def watch(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"above": (outputs > targets).all(1)}


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_however_many_share_it_out_the_gradient_is_that_of_the_batch(count):
    (net,) = nets(1)
    loss = Overlap().loss(Overlap().sums(net(BATCH.images), BATCH.targets), 5)
    loss.backward()
    replicas = nets(count)
    with ThreadPoolExecutor(count) as pool:
        found = SummedGradient(replicas, Overlap(), watch=watch).of(BATCH, 0, pool)
    for mine, wanted in zip(replicas[0].parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, wanted.grad)
    assert found["loss"] == pytest.approx(5 * float(loss.detach()), rel=1e-5)
    assert found["above"] == int(watch(net(BATCH.images), BATCH.targets)["above"].sum())


def test_a_loss_that_is_no_number_leaves_no_gradient():
    class Nothing(Overlap):
        def loss(self, sums: torch.Tensor, count: int) -> torch.Tensor:
            return super().loss(sums, count) * torch.nan

    replicas = nets(2)
    with ThreadPoolExecutor(2) as pool:
        assert np.isnan(SummedGradient(replicas, Nothing()).of(BATCH, 0, pool)["loss"])
    assert replicas[0].weight.grad is None


def test_memory_that_ran_out_is_said_in_one_line():
    class Full(Overlap):
        def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("not enough memory: you tried to allocate much")

    with ThreadPoolExecutor(1) as pool, pytest.raises(OptionError, match="smaller --image-size"):
        SummedGradient(nets(1), Full()).of(BATCH, 0, pool)


def test_it_is_known_by_what_it_can_do():
    assert isinstance(Overlap(), SummedLoss)
    assert not isinstance(lambda outputs, targets: outputs, SummedLoss)
