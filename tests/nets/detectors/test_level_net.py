"""What detectors have in common: sizes that are odd, and convolutions that keep them."""

from __future__ import annotations

import pytest
import torch

from headstart.nets.detectors.coco import DETECTORS, new_detector
from headstart.nets.detectors.level_net import ActConv, leaky, resized


def test_a_convolution_keeps_or_halves_the_size():
    maps = torch.randn(1, 4, 9, 9)
    assert ActConv(4, 6, 5)(maps).shape == (1, 6, 9, 9)
    assert ActConv(4, 4, 3, stride=2, depthwise=True)(maps).shape == (1, 4, 5, 5)
    conv = ActConv(4, 6, act=leaky)
    plain = torch.nn.functional.conv2d(maps, conv.weight, conv.bias)
    assert torch.equal(conv(maps), torch.where(plain > 0, plain, 0.1 * plain))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_maps_double_where_the_size_allows(mode):
    maps = torch.randn(1, 2, 4, 4)
    straight = {} if mode == "nearest" else {"align_corners": False}
    doubled = torch.nn.functional.interpolate(maps, scale_factor=2, mode=mode, **straight)
    assert torch.equal(resized(maps, torch.zeros(1, 1, 8, 8), mode), doubled)
    assert resized(maps, torch.zeros(1, 1, 7, 7), mode).shape == (1, 2, 7, 7)


@pytest.mark.parametrize("architecture", DETECTORS)
def test_they_have_the_face_of_a_timm_network(architecture):
    from timm.models import group_parameters

    network = new_detector(architecture).eval()
    images = torch.randn(1, 3, 96, 96)
    last, maps = network.forward_intermediates(images)
    assert len(maps) == network.n_levels == len(DETECTORS[architecture].strides)
    assert torch.equal(last, network.forward_features(images))
    assert torch.equal(network(images), last.mean((2, 3)))
    for coarse in (True, False):
        layers = group_parameters(network, network.group_matcher(coarse=coarse), reverse=True)
        assert set(layers) == {name for name, _ in network.named_parameters()}
        assert len(set(layers.values())) >= 6
        assert max(layers.values()) == max(v for k, v in layers.items() if k.startswith("head"))
