"""NanoDet-Plus as published: the numbers of its weights and maps."""

from __future__ import annotations

import torch

from headstart.nets.detectors.nanodet import NanoDetPlus


def test_it_is_as_large_as_published():
    network = NanoDetPlus().eval()
    # The last layers have 43,456 more: 1.19 M, with BatchNorm in the convolutions.
    assert sum(each.numel() for each in network.parameters()) == 1_142_890
    maps = network.forward_intermediates(torch.zeros(1, 3, 416, 416), intermediates_only=True)
    assert [tuple(each.shape[1:]) for each in maps] == [
        (96, 52, 52), (96, 26, 26), (96, 13, 13), (96, 7, 7),
    ]  # fmt: skip


def test_channels_of_both_branches_are_mixed():
    """Each half of a block must reach the next block's other half."""
    network = NanoDetPlus().eval()
    images = torch.randn(1, 3, 64, 64, requires_grad=True)
    network.trunk(images)[-1].sum().backward()
    reached = [each.grad for name, each in network.named_parameters() if "backbone" in name]
    assert all(each is not None and each.abs().sum() > 0 for each in reached)


def test_maps_lie_as_the_images_do_and_are_the_same_either_way():
    torch.manual_seed(0)
    network, images = NanoDetPlus().eval(), torch.randn(2, 3, 64, 64)
    last = images.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        plain, other = (
            network.trunk(images),
            network.to(memory_format=torch.channels_last).trunk(last),
        )
    for one, two in zip(plain, other, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
        assert two.is_contiguous(memory_format=torch.channels_last)
