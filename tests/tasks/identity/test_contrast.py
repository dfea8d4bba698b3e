"""The gradient of a loss over a whole batch, whoever embeds which share of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tests.nets.tiny import noise
from tests.tasks.identity.embedders import LABELS, SIZE, embedder

from headstart.nets.batches.batch import Batch
from headstart.tasks.identity.contrast import Contrast, _hits
from headstart.tasks.identity.health import health
from headstart.tasks.identity.recipe import MetricRecipe


@pytest.mark.parametrize("loss", ["triplet", "arcface", "softmax"])
def test_threads_give_the_gradient_of_the_whole_batch(loss):
    recipe = MetricRecipe(loss=loss, mining="semihard" if loss != "triplet" else "all")
    net = embedder(recipe)
    net.fuse()
    net.set_trainable(net.n_stages)
    batch = images_of(np.arange(12))
    gradients = []
    for replicas in (1, 3):
        net.zero_grad()
        every = [net, *(net.replica() for _ in range(replicas - 1))]
        contrast = Contrast(every, margin=0.2, seed=0, device="cpu")
        with ThreadPoolExecutor(replicas) as pool:
            sums = contrast.of(batch, 0, pool)
        found, hits = sums["loss"], sums["accuracy"]
        assert np.isfinite(found)
        assert 0 <= hits <= 12
        gradients.append(
            (found, [None if p.grad is None else p.grad.clone() for p in net.parameters()])
        )
    (one, mine), (other, theirs) = gradients
    assert one == pytest.approx(other, rel=1e-4)
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.allclose(a, b, rtol=1e-2, atol=1e-5)
    net.train()
    direct = net.criterion(net(batch.images), torch.from_numpy(LABELS))
    assert float(direct.detach()) * 12 == pytest.approx(one, rel=1e-4)


def learning(recipe: MetricRecipe):
    net = embedder(recipe)
    net.fuse()
    net.set_trainable(net.n_stages)
    return net


def one_step(net, batch: Batch, *, step: int = 0, seed: int = 0, margin: float = 0.2):
    contrast = Contrast([net], margin=margin, seed=seed, device="cpu")
    with ThreadPoolExecutor(1) as pool:
        return contrast.of(batch, step, pool)


def images_of(items: np.ndarray) -> Batch:
    return Batch(noise(len(items), SIZE), items, torch.from_numpy(LABELS[items]))


def test_health_is_of_the_batch():
    net, batch = learning(MetricRecipe(mining="all")), images_of(np.arange(12))
    sums = one_step(net, batch, margin=0.5)
    with torch.no_grad():
        vectors = net.train()(batch.images)
    labels = torch.from_numpy(LABELS)
    wanted = health(vectors, labels, margin=0.5)._asdict()
    assert {name: sums[name] / 12 for name in wanted} == pytest.approx(wanted, abs=1e-3)
    assert sums["accuracy"] == _hits(vectors, labels)


def test_labels_are_those_of_the_items_of_the_batch():
    net = learning(MetricRecipe(mining="all"))
    items = np.array([11, 0, 5, 1, 10, 4])
    value = one_step(net, images_of(items))["loss"]
    with torch.no_grad():
        direct = net.criterion(net(noise(6, SIZE)), torch.from_numpy(LABELS[items]))
    assert value == pytest.approx(6 * float(direct), rel=1e-4)


def test_what_mining_draws_follows_from_seed_and_step():
    net = learning(MetricRecipe(mining="distance"))
    batch = images_of(np.arange(12))
    first = one_step(net, batch, step=3, seed=1)["loss"]
    assert one_step(net, batch, step=3, seed=1)["loss"] == first
    others = {one_step(net, batch, step=step, seed=1)["loss"] for step in range(6)}
    assert len(others) > 1


def test_a_loss_that_is_no_number_teaches_nothing():
    net = learning(MetricRecipe(mining="all"))
    with torch.no_grad():
        next(net.pool.network.parameters()).fill_(float("nan"))
    assert not np.isfinite(one_step(net, images_of(np.arange(12)))["loss"])
    assert all(each.grad is None or not each.grad.any() for each in net.parameters())


def test_a_batch_without_triplets_teaches_nothing():
    net = learning(MetricRecipe(mining="all"))
    sums = one_step(net, images_of(np.arange(4)))
    assert sums["loss"] == 0
    assert sums["accuracy"] == 4
    assert all(each.grad is None or not each.grad.any() for each in net.parameters())


def test_while_only_the_loss_learns_the_network_gets_no_gradient():
    net = embedder(MetricRecipe(loss="arcface"))
    net.set_trainable(1)
    one_step(net, images_of(np.arange(12)))
    learnt = {name for name, each in net.named_parameters() if each.grad is not None}
    assert learnt == {"criterion.loss.W"}


def test_hits_by_hand():
    vectors = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 5.0], [-1.0, 0.2]])
    assert _hits(vectors, torch.tensor([0, 0, 1, 1, 2])) == 4
    assert _hits(vectors, torch.arange(5)) == 0
    assert _hits(3 * vectors, torch.zeros(5, dtype=torch.long)) == 5
