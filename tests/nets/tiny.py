"""Tiny networks with weights of their own and a head to start from, for tests that train."""

from __future__ import annotations

import copy
import functools

import numpy as np
import timm
import torch
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.nets.heads.head import Head
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.stages import StagePool

GREY = (0.5, 0.5, 0.5)


def sees(size: int) -> Preprocess:
    """How the networks below are shown an image."""
    return Preprocess(size, geometry="square", interpolation="bilinear", mean=GREY, std=GREY)


def network(name: str = "test_resnet", *, size: int = 64, **options: object) -> nn.Module:
    """A timm network whose BatchNorm has statistics and weights as training leaves them.

    With mean 0, variance 1 and weight 1 fusing would prove nothing. The statistics are measured
    on noise, so that activations neither vanish nor grow, and then disturbed a little.
    """
    return copy.deepcopy(_network(name, size, tuple(options.items())))


@functools.cache
def _network(name: str, size: int, given: tuple[tuple[str, object], ...]) -> nn.Module:
    options = dict(given)
    torch.manual_seed(0)
    net = timm.create_model(name, num_classes=0, **options)
    norms = [each for each in net.modules() if isinstance(each, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.copy_(0.5 + torch.rand_like(norm.weight))
            norm.bias.copy_(0.2 * torch.randn_like(norm.bias))
            norm.momentum = None  # a plain mean
        net.train()(torch.randn(8, 3, size, size))
        for norm in norms:
            norm.momentum = 0.1
            norm.running_var.mul_(0.9 + 0.2 * torch.rand_like(norm.running_var))
            norm.running_mean.add_(0.05 * norm.running_var.sqrt())
    return net.eval()


def head_for(
    net: nn.Module, *, size: int = 64, classes: int = 3, stages: str = "last", scale: float = 0.1
) -> Head:
    """A linear head with random weights on the last layer or on all stages of the network."""
    layout = StagePool(net, sees(size)).layout
    width, (_, small), (_, last) = sum(each for _, each in layout), layout[0], layout[-1]
    columns = np.arange(width - last if stages == "last" else small, width)
    rng = np.random.default_rng(1)
    arrays = {
        "weights": rng.normal(0, scale, (classes, len(columns))).astype(np.float32),
        "bias": rng.normal(0, scale, classes).astype(np.float32),
    }
    return Head("linear", columns, arrays, classes)


def trainable(
    net: nn.Module, preprocess: Preprocess, head: Head, **options: object
) -> TrainableModel:
    """A module to train that starts from a linear head."""
    linear = nn.Linear(len(head.columns), head.n_classes)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.arrays["weights"]))
        linear.bias.copy_(torch.from_numpy(head.arrays["bias"]))
    return TrainableModel(net, preprocess, head.columns, linear, **options)


def tunable(
    name: str = "test_resnet",
    *,
    size: int = 64,
    classes: int = 3,
    stages: str = "last",
    dropout: float = 0.0,
    freeze_bn_stats: bool = True,
    **options: object,
) -> TrainableModel:
    """A module to train, always with the same weights; not yet fused."""
    net = network(name, size=size, **options)
    head = head_for(net, size=size, classes=classes, stages=stages)
    return trainable(net, sees(size), head, dropout=dropout, freeze_bn_stats=freeze_bn_stats)


class Plain(nn.Module):
    """A network of the older kind that timm knows nothing of: its features are mean colours."""

    def __init__(self, bias: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=bias)
        self.norm = nn.BatchNorm2d(3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
        self.eval()

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x))

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return x.mean((2, 3))


def noise(count: int, size: int = 64, seed: int = 0) -> torch.Tensor:
    """Returns (count, size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8))
