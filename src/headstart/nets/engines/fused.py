"""Convolutions of a frozen network with their activation in one call of oneDNN, for CPUs.

Run one by one, an activation reads and writes a whole map again, and a padded copy of it is made
before every convolution of TensorFlow's padding. Fused, torch is nearly as fast as a converted
graph (mobilenetv2_100 at 256 px: 26 ms of one processor an image, 24 converted, 38 before) and
needs no seconds of conversion.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from headstart.nets.detectors.level_net import ActConv, leaky
from headstart.nets.stages import StagePool, one_thread

__all__ = ["can_fuse", "fuse_convolutions", "hanging"]

# An activation as oneDNN knows it: name, numbers, algorithm.
_Words = tuple[str, list[float], str]
_PLAIN: _Words = ("none", [], "")
_KNOWN: dict[type[nn.Module], Callable[[Any], _Words]] = {
    nn.ReLU: lambda _: ("relu", [], ""),
    nn.ReLU6: lambda _: ("hardtanh", [0.0, 6.0], ""),
    nn.LeakyReLU: lambda act: ("leaky_relu", [act.negative_slope], ""),
    nn.SiLU: lambda _: ("swish", [], ""),
    nn.Hardswish: lambda _: ("hardswish", [], ""),
    nn.GELU: lambda act: ("gelu", [], act.approximate),
}
# Activations that are functions, of convolutions that call them.
_CALLED: dict[Any, _Words] = {
    None: _PLAIN,
    leaky: ("leaky_relu", [0.1], ""),
    nn.functional.silu: ("swish", [], ""),
}


class _Fused(nn.Module):
    """One convolution at one size of its input, with what follows."""

    def __init__(self, conv: nn.Conv2d, words: _Words, shape: list[int]) -> None:
        super().__init__()
        weight, padding = _widened(conv, shape[2:])
        self._how = (padding, list(conv.stride), list(conv.dilation), conv.groups)
        # Laid out once as oneDNN wants it, which it would do again at every call.
        self._weight = torch._C._nn.mkldnn_reorder_conv2d_weight(
            weight.to_mkldnn(), *self._how, shape
        )
        self._bias = None if conv.bias is None else conv.bias.detach()
        self._words = words

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._how, *self._words
        )
        return found


def can_fuse() -> bool:
    """Tells whether this torch has oneDNN's fused convolution, which is no public name."""
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_convolution_pointwise"
    )


def fuse_convolutions(pool: StagePool) -> None:
    """Replaces convolutions, and activations that directly follow one, in place.

    What follows what is found by running one image, as for `conv_norm_pairs`; whether the network
    is still the same is for the caller to verify.

    Args:
        pool: On the CPU, in fp32, its BatchNorm folded; it then takes images of `pool.size` only.
    """
    shapes, follows = _watch(pool)
    for conv, shape in shapes.items():
        act = follows.get(conv)
        words = _CALLED[getattr(conv, "act", None)]
        if act is not None:
            words = _KNOWN[type(act)](act)
        fused = _Fused(conv, words, shape)
        for name, parent in hanging(pool, conv):
            setattr(parent, name, fused)
    for act in set(follows.values()):
        for name, parent in hanging(pool, act):
            setattr(parent, name, nn.Identity())


def _watch(pool: StagePool) -> tuple[dict[nn.Conv2d, list[int]], dict[nn.Conv2d, nn.Module]]:
    """Returns the input's shape of every convolution that runs once, and what activates it."""
    made_by: dict[int, tuple[nn.Conv2d, int]] = {}
    alive: list[torch.Tensor] = []  # keeps ids unique while the image runs
    runs: Counter[nn.Module] = Counter()
    shapes: dict[nn.Conv2d, list[int]] = {}
    follows: dict[nn.Conv2d, nn.Module] = {}

    def after(module: nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        runs[module] += 1
        shapes[module] = list(inputs[0].shape)
        if getattr(module, "act", None) is None:
            made_by[id(out)] = module, out._version
        alive.append(out)

    def before(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        runs[module] += 1
        conv, version = made_by.get(id(inputs[0]), (None, 0))
        # What was worked on in place (`x += shortcut`) is the same tensor, and no convolution's.
        if conv is not None and inputs[0]._version == version:
            follows[conv] = module

    hooks = [
        module.register_forward_hook(after) if _is_plain(module)
        else module.register_forward_pre_hook(before)
        for module in pool.modules() if _is_plain(module) or type(module) in _KNOWN
    ]  # fmt: skip
    try:
        with torch.no_grad(), one_thread():  # which counts changes in place, unlike inference mode
            pool(torch.full((1, pool.size, pool.size, 3), 128, dtype=torch.uint8))
    finally:
        for hook in hooks:
            hook.remove()
    shapes = {conv: shape for conv, shape in shapes.items() if runs[conv] == 1}
    # One activation may stand in many places: it goes only where a convolution is before each.
    served = Counter(act for conv, act in follows.items() if conv in shapes)
    return shapes, {
        conv: act for conv, act in follows.items() if conv in shapes and served[act] == runs[act]
    }


def _is_plain(module: nn.Module) -> bool:
    """Tells whether a module is a convolution and nothing else: subclasses change its weights."""
    if type(module) is nn.Conv2d:
        return module.padding_mode == "zeros" and not isinstance(module.padding, str)
    if type(module) is ActConv:
        return module.act in _CALLED
    # timm's with TensorFlow's padding: the same sum, more zeros at the far edges than at the near.
    return type(module).__name__ == "Conv2dSame" and module.dilation == (1, 1)


def _widened(conv: nn.Conv2d, sides: list[int]) -> tuple[torch.Tensor, list[int]]:
    """Returns the weights and the symmetric padding that a convolution has at one size.

    Where the far edge has one line of zeros more, the kernel gets a first line of zeros: it then
    begins a pixel earlier, and both edges have as many.
    """
    weight = conv.weight.detach()
    if type(conv).__name__ != "Conv2dSame":
        return weight, [int(each) for each in conv.padding]
    padding, more = [], []
    for side, kernel, stride in zip(sides, conv.kernel_size, conv.stride, strict=True):
        wanted = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        padding.append(wanted - wanted // 2)
        more.append(wanted % 2)
    return nn.functional.pad(weight, (more[1], 0, more[0], 0)), padding


def hanging(root: nn.Module, wanted: nn.Module) -> list[tuple[str, nn.Module]]:
    """Returns (name, parent) of every place where a module hangs.

    Args:
        root: Where to look.
        wanted: For what.
    """
    return [
        (name, parent)
        for parent in root.modules()
        for name, child in parent.named_children()
        if child is wanted
    ]
