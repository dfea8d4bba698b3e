"""How identities are learnt: the projection, the batches and the loss of whole batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from headstart.tasks.identity import learn
from headstart.tasks.identity.metric_loss import MARGIN
from headstart.tasks.identity.recipe import MetricRecipe


def test_a_head_begins_where_it_is_told():
    start = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    head = learn.head(5, 3, start)
    vectors = torch.randn(4, 5)
    assert torch.allclose(head(vectors), vectors @ torch.from_numpy(start).T, atol=1e-6)
    assert head.bias is None
    assert isinstance(learn.head(5, 5), nn.Identity)


def test_batches_are_of_people_with_several_images():
    who = np.repeat(np.arange(6), 7)
    plan = learn.batches(who, MetricRecipe(identities=3, each=4, epochs=1), seed=0)
    for keys in plan.epoch(0):
        items = np.array([key[0] for key in keys])
        people, counts = np.unique(who[items], return_counts=True)
        assert len(people) == 3
        assert (counts == 4).all()
        assert plan.targets.collate(items, []).tolist() == who[items].tolist()


def test_a_loss_starts_from_its_seed_alone():
    centres = np.eye(4, dtype=np.float32)
    for name in ("arcface", "proxyanchor", "softmax"):
        recipe = MetricRecipe(loss=name)
        state = torch.random.get_rng_state()
        one, other = (learn.loss(recipe, centres, 3).state_dict() for _ in range(2))
        assert torch.equal(state, torch.random.get_rng_state())
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("recipe", "margin"),
    [
        (MetricRecipe(), MARGIN),
        (MetricRecipe(margin=0.5), 0.5),
        (MetricRecipe(loss="arcface", margin=28.6), MARGIN),
    ],
)
def test_triplets_are_active_by_the_margin_of_triplets(recipe, margin):
    assert learn.margin_of(recipe) == margin
