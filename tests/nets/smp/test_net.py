"""Decoders of segmentation-models-pytorch over our own maps: their layers, without BatchNorm."""

from __future__ import annotations

import sys

import pytest
import segmentation_models_pytorch as smp
import torch
from tests.nets.smp_maps import CHANNELS, KINDS, SIZE, maps, plan_of
from torch import nn

from headstart.errors import ModelError
from headstart.nets.smp.head import smp_head_of
from headstart.nets.smp.net import build_smp, load_smp, smp_net, smp_net_of


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_in_cells_of_its_stride_and_one_image_tells_nothing_of_another(kind, first):
    net = build_smp(plan_of(kind, first=first), seed=1)
    assert not any(isinstance(each, nn.BatchNorm2d) for each in net.modules())
    both = maps(first=first)
    with torch.inference_mode():
        found = net.eval()(both)
        alone = net([each[1:] for each in both])
    cells = SIZE // net.plan.stride
    assert tuple(found.shape) == (2, 3, cells, cells)
    assert torch.allclose(found[1:], alone, atol=1e-4)
    [probabilities] = net.answer(both, 2.0)
    assert torch.allclose(probabilities.sum(1), torch.ones(2, cells, cells), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns_also_of_one_image(kind):
    net = build_smp(plan_of(kind), seed=1).train()
    net(maps(count=1)).square().mean().backward()
    still = [name for name, each in net.named_parameters() if each.grad is None]
    assert still == []


def test_its_weights_are_the_packages_own_at_their_start():
    class Narrow(nn.Module):
        def __init__(self, **_):
            super().__init__()
            self.out_channels, self.output_stride = [3, *CHANNELS], 32

        def set_in_channels(self, *_, **__):
            pass

    about = {"encoder": Narrow, "params": {}, "pretrained_settings": {}}
    smp.encoders.encoders["narrow"] = about
    torch.manual_seed(3)
    theirs = smp.create_model("unet", "narrow", None, classes=3).decoder.state_dict()
    ours = build_smp(plan_of("unet"), seed=3).decoder.state_dict()
    same = [name for name, each in ours.items() if each.ndim == 4]
    assert len(same) == 10
    assert all(torch.equal(ours[name], theirs[name]) for name in same)


def test_means_over_parts_are_torchs_adaptive_ones():
    net = build_smp(plan_of("upernet"), seed=1)
    found = [each for each in net.modules() if type(each).__name__ == "_Means"]
    assert [each.parts for each in found] == [2, 3, 6]
    given = maps()[-1][..., :7, :]
    for each in found:
        wanted = nn.functional.adaptive_avg_pool2d(given, each.parts)
        assert torch.allclose(each(given), wanted, atol=1e-6)


def test_weights_follow_from_the_seed_alone():
    before = torch.get_rng_state()
    one, again, other = (build_smp(plan_of("linknet"), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    rows = [each.state_dict() for each in (one, again, other)]
    assert all(torch.equal(rows[0][name], each) for name, each in rows[1].items())
    assert any(not torch.equal(rows[0][name], each) for name, each in rows[2].items())
    kept = smp_net_of(smp_head_of(one))
    assert not kept.training
    assert all(torch.equal(rows[0][name], each) for name, each in kept.state_dict().items())


def test_a_package_that_is_missing_is_named(monkeypatch):
    assert load_smp() is smp
    monkeypatch.setitem(sys.modules, "segmentation_models_pytorch", None)
    with pytest.raises(ModelError, match=r"pip install 'headstart\[segment\]'") as caught:
        smp_net(plan_of("unet"))
    assert "\n" not in str(caught.value)
