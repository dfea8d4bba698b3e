"""A network in two parts gives what the whole gives, and gradients stay above the edge."""

from __future__ import annotations

import pytest
import torch
from tests.nets.tiny import network, tunable

from headstart.nets.learning.cut import cut


def images(n: int = 2, size: int = 64) -> torch.Tensor:
    rng = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (n, size, size, 3), generator=rng, dtype=torch.uint8)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
@pytest.mark.parametrize("stages", [1, 2, 3])
def test_both_parts_together_give_what_the_whole_gives(name, stages):
    net = tunable(name).eval()
    net.fuse()
    net.set_trainable(stages)
    parts = cut(net)
    assert parts is not None
    with torch.inference_mode():
        below = parts.below(images())
        assert torch.allclose(parts.above(below), net.pool.last(images()), rtol=1e-4, atol=1e-5)


def test_the_frozen_part_holds_no_learning_weight_and_the_other_all_of_them():
    net = tunable().train()
    net.fuse()
    net.set_trainable(2)
    parts = cut(net)
    below = parts.below(images())
    assert not below.requires_grad
    parts.above(below).sum().backward()
    learning = [each for each in net.pool.parameters() if each.requires_grad]
    assert learning
    assert all(each.grad is not None for each in learning)


def test_with_the_head_alone_the_rest_is_frozen():
    net = tunable().eval()
    net.set_trainable(1)
    parts = cut(net)
    assert isinstance(parts.above, torch.nn.Identity)
    assert parts.below(images()).shape == (2, net.pool.layout[-1][1])


def test_modes_are_as_before():
    net = tunable(dropout=0.5).train()
    net.set_trainable(2)
    modes = [module.training for module in net.modules()]
    assert cut(net) is not None
    assert [module.training for module in net.modules()] == modes


def test_where_all_learns_there_is_nothing_to_cut():
    net = tunable()
    net.set_trainable(net.n_stages)
    assert cut(net) is None


def test_a_head_on_several_stages_is_not_cut():
    net = tunable(stages="all")
    net.set_trainable(1)
    assert cut(net) is None


def test_what_cannot_be_traced_is_not_cut(monkeypatch):
    net = tunable()
    net.set_trainable(2)
    before = type(net.pool).last

    def last(self, images):
        return before(self, images if images.float().sum() > 0 else images + 1)

    monkeypatch.setattr(type(net.pool), "last", last)
    assert cut(net) is None


def test_what_traces_wrongly_is_not_cut(monkeypatch):
    net = tunable()
    net.set_trainable(2)
    before = type(net.pool).last
    # Tracing freezes what is not a tensor: the first call differs from all later ones.
    calls = []

    def last(self, images):
        calls.append(1)
        return before(self, images) * len(calls)

    monkeypatch.setattr(type(net.pool), "last", last)
    assert cut(net) is None


def test_a_network_of_blocks_with_a_pooled_shortcut_is_cut_at_one_value():
    """ResNet-D pools before its shortcut's convolution, which has weights only above."""
    from tests.nets.tiny import head_for, sees, trainable

    net = network("resnet10t", size=64)
    net = trainable(net, sees(64), head_for(net, size=64)).eval()
    net.set_trainable(2)
    parts = cut(net)
    assert parts is not None
    with torch.inference_mode():
        both = parts.above(parts.below(images()))
        assert torch.allclose(both, net.pool.last(images()), rtol=1e-4, atol=1e-5)
