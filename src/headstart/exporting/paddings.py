"""TensorFlow's "same" padding as a constant, for graphs that are exported."""

from __future__ import annotations

import torch
from torch import nn

from headstart.nets.stages import StagePool, one_thread

__all__ = ["fix_paddings"]


def fix_paddings(pool: StagePool) -> None:
    """Makes TensorFlow's "same" padding a constant, for the size at hand, in place.

    Else the graph computes it from the size of every image, which is known, and no engine can
    merge it into the convolution.

    Args:
        pool: What is exported; it knows the size of its images.
    """
    from timm.layers import Conv2dSame

    sizes: dict[nn.Module, tuple[int, int]] = {}

    def see(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        height, width = inputs[0].shape[2:]
        sizes[module] = (int(height), int(width))

    found = [
        (parent, name, child)
        for parent in pool.modules()
        for name, child in parent.named_children()
        if isinstance(child, Conv2dSame)
    ]
    hooks = [child.register_forward_pre_hook(see) for _, _, child in found]
    with torch.inference_mode(), one_thread():
        pool(torch.zeros((1, pool.size, pool.size, 3), dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    for parent, name, child in found:
        if child not in sizes:
            continue
        pads = []
        for side, kernel, stride, dilation in zip(
            sizes[child], child.kernel_size, child.stride, child.dilation, strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
            pads.append((total // 2, total - total // 2))
        plain = nn.Conv2d(
            child.in_channels, child.out_channels, child.kernel_size, child.stride,
            dilation=child.dilation, groups=child.groups, bias=child.bias is not None,
        )  # fmt: skip
        plain.weight, plain.bias = child.weight, child.bias
        (top, bottom), (left, right) = pads
        setattr(parent, name, nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), plain))
