"""`box_module_of`: a head of boxes of any kind as a module, from maps to scores and boxes."""

from __future__ import annotations

import torch
from torch import nn

from headstart.nets.box_head import BoxHead
from headstart.nets.box_net import box_net_of
from headstart.nets.torchvision_plan import TorchvisionPlan

__all__ = ["box_module_of"]


def box_module_of(head: BoxHead) -> nn.Module:
    """Returns what makes (N, A, C) scores and (N, A, 4) boxes of the maps of all stages.

    Args:
        head: Of any kind; the module is in evaluation mode.
    """
    if not isinstance(head.plan, TorchvisionPlan):
        return box_net_of(head)
    from headstart.nets.torchvision_net import build_torchvision

    net = build_torchvision(head.plan)
    net.load_state_dict({name: torch.from_numpy(each) for name, each in head.arrays.items()})
    return net.eval()
