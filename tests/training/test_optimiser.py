"""The optimiser: who decays, how fast which layer learns, and the pull to where it started."""

from __future__ import annotations

import pytest
import torch
from tests.nets.tiny import tunable

from headstart.training.optimiser import make_optimiser, pull
from headstart.training.schedule import Recipe

RECIPE = Recipe(lr=0.1, layer_decay=0.5, backbone_lr=0.2, weight_decay=0.03)


@pytest.fixture
def net():
    net = tunable(size=32)
    net.set_trainable(net.n_stages)
    return net


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_every_parameter_is_in_one_group_of_its_layer(net, kind):
    names = {each: name for name, each in net.named_parameters()}
    optimiser, scales = make_optimiser(net, Recipe(**{**vars(RECIPE), "optimiser": kind}))
    assert isinstance(optimiser, torch.optim.SGD if kind == "sgd" else torch.optim.AdamW)
    found = [each for group in optimiser.param_groups for each in group["params"]]
    assert sorted(names[each] for each in found) == sorted(names.values())
    assert len(scales) == len(optimiser.param_groups)
    for group, scale in zip(optimiser.param_groups, scales, strict=True):
        (depth,) = {net.depths[names[each]] for each in group["params"]}
        above = net.n_layers - 1 - depth
        assert scale == pytest.approx(0.5**above * (0.2 if above else 1.0))
        (decays,) = {each.ndim > 1 for each in group["params"]}
        assert group["weight_decay"] == (0.03 if decays else 0.0)
        assert group["lr"] == 0.1
    assert scales[-1] == 1.0, "the head's group is the last: its rate is written down"


def test_the_pull_is_toward_the_start_by_rate_and_decay(net):
    optimiser, scales = make_optimiser(net, RECIPE)
    rates = {}
    for group, scale in zip(optimiser.param_groups, scales, strict=True):
        group["lr"] = 0.1 * scale
        rates |= dict.fromkeys(group["params"], group["lr"])
    frozen = next(net.parameters())
    frozen.requires_grad_(False)
    anchor = {each: each.detach() - 1.0 for each in net.parameters()}
    before = {each: each.detach().clone() for each in net.parameters()}
    pull(net, optimiser, anchor, 2.0)
    for name, each in net.named_parameters():
        still = each is frozen or name.startswith("head.")
        wanted = before[each] - (0.0 if still else 2.0 * rates[each])
        torch.testing.assert_close(each.detach(), wanted)


def test_the_pull_never_goes_beyond_the_start(net):
    optimiser, _ = make_optimiser(net, RECIPE)
    anchor = {each: each.detach() - 1.0 for each in net.parameters()}
    pull(net, optimiser, anchor, 1e6)
    below = [each for name, each in net.named_parameters() if not name.startswith("head.")]
    assert all(torch.allclose(each, anchor[each], atol=1e-5) for each in below)
