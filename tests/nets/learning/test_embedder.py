"""Embedders: vectors of length 1, by the network alone or through a projection."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.nets.tiny import network, noise, sees
from tests.tasks.identity.embedders import SIZE, embedder, last_columns
from torch import nn

from headstart.nets.learning.embedder import Embedder, project
from headstart.tasks.identity.recipe import MetricRecipe


def test_an_embedder_is_the_network_itself():
    net = embedder(MetricRecipe()).eval()
    with torch.inference_mode():
        raw = net.pool(noise(3, SIZE)).numpy()
        assert np.allclose(net(noise(3, SIZE)).numpy(), project(raw, net.columns, None), atol=1e-5)
    assert net.projection() is None
    assert net.width == len(net.columns)
    names = [name for name, _ in net.named_parameters()]
    assert all(name.startswith("pool.network.") for name in names)
    assert net.n_stages == max(net.stages.values()) + 2  # a head, although it has nothing to learn


def test_a_projection_and_the_weights_of_a_loss_are_the_head():
    net = embedder(MetricRecipe(loss="arcface", dimension=8), dimension=8).eval()
    head = {name for name in net.depths if net.depths[name] == net.n_layers - 1}
    assert head == {"head.weight", "criterion.loss.W"}
    with torch.inference_mode():
        raw = net.pool(noise(3, SIZE)).numpy()
        wanted = project(raw, net.columns, net.projection())
        assert np.allclose(net(noise(3, SIZE)).numpy(), wanted, atol=1e-5)
    net.set_trainable(1)
    assert {name for name, each in net.named_parameters() if each.requires_grad} == head


@pytest.mark.parametrize("dimension", [0, 8])
def test_vectors_have_length_one_at_test_only(dimension):
    net = embedder(MetricRecipe(), dimension=dimension)
    with torch.no_grad():
        lengths = net.eval()(noise(4, SIZE)).norm(dim=1).numpy()
        raw = net.train()(noise(4, SIZE)).norm(dim=1).numpy()
    assert lengths == pytest.approx(np.ones(4), abs=1e-5)
    assert np.abs(raw - 1).max() > 0.01


def test_the_width_is_that_of_what_comes_out():
    for dimension in (0, 1, 5):
        net = embedder(MetricRecipe(), dimension=dimension).eval()
        with torch.no_grad():
            assert net(noise(2, SIZE)).shape == (2, net.width)


def test_the_projection_given_out_learns_no_more():
    net = embedder(MetricRecipe(), dimension=4)
    before = net.projection()
    with torch.no_grad():
        net.head.weight.add_(1)
    assert not np.allclose(net.projection(), before)
    before[:] = 0
    assert net.projection().any()


def test_chosen_columns_are_the_embedding():
    net = network(size=SIZE)
    columns = last_columns(net)[[3, 0, 7]]
    small = Embedder(net, sees(SIZE), columns, nn.Identity()).eval()
    with torch.no_grad():
        raw = small.pool(noise(3, SIZE)).numpy()
        found = small(noise(3, SIZE)).numpy()
    assert np.allclose(found, project(raw, columns, None), atol=1e-5)
    assert small.width == 3


@pytest.mark.parametrize("width", [None, 2])
def test_projecting_frozen_vectors(width):
    rng = np.random.default_rng(0)
    vectors, columns = rng.normal(size=(6, 9)).astype(np.float32), np.array([8, 1, 4])
    projection = None if width is None else rng.normal(size=(width, 3)).astype(np.float32)
    found = project(vectors, columns, projection)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert np.allclose(project(7 * vectors, columns, projection), found, atol=1e-5)
    direct = vectors[:, columns] if width is None else vectors[:, columns] @ projection.T
    assert np.allclose(found * np.linalg.norm(direct, axis=1, keepdims=True), direct, atol=1e-5)


def test_a_vector_of_zeros_stays_one():
    assert not project(np.zeros((1, 3), np.float32), np.arange(3), None).any()
