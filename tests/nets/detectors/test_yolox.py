"""YOLOX-nano as published: the numbers of its weights and maps, and its first layer."""

from __future__ import annotations

import torch

from headstart.nets.detectors.yolox import YoloxNano


def test_it_is_as_large_as_published():
    network = YoloxNano().eval()
    # The last layers have 16,575 more: 0.90 M, with BatchNorm in the convolutions.
    assert sum(each.numel() for each in network.parameters()) == 887_888
    maps = network.forward_intermediates(torch.zeros(1, 3, 416, 416), intermediates_only=True)
    assert [tuple(each.shape[1:]) for each in maps] == [
        (128, 52, 52), (128, 26, 26), (128, 13, 13),
    ]  # fmt: skip


def test_four_pixels_lie_column_by_column():
    stem = YoloxNano().backbone.backbone.stem
    seen = []
    stem.conv.conv.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    image = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 3, 4, 4)
    stem(image)
    assert seen[0][0, ::3, 0, 0].tolist() == [0.0, 4.0, 1.0, 5.0]


def test_classes_and_boxes_have_towers_of_their_own():
    network = YoloxNano().eval()
    images = torch.randn(1, 3, 64, 64)
    maps = network.forward_intermediates(images, intermediates_only=True)[0]
    maps[:, :64].sum().backward()
    towers = {"cls_convs.0": True, "reg_convs.0": False}
    for name, reached in towers.items():
        grads = [p.grad for n, p in network.named_parameters() if name in n]
        assert all((each is not None and bool(each.abs().sum() > 0)) == reached for each in grads)
