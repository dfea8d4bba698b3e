"""`MapNet`: a head that trains by itself, on maps that a frozen network has left."""

from __future__ import annotations

import copy

import torch
from torch import nn

from headstart.nets.maps import MapLayout

__all__ = ["MapNet"]


class MapNet(nn.Module):
    """What the training loop asks of a network, for a head alone.

    Args:
        head: Trained in place.
        layout: Of the rows that it is given.

    Attributes:
        depths: Parameter name -> layer; there is one.
        stages: Likewise.
    """

    n_layers = 1
    n_stages = 1

    def __init__(self, head: nn.Module, layout: MapLayout) -> None:
        super().__init__()
        self.head, self.layout = head, layout
        self.above: tuple[nn.Module, ...] = ()
        self.depths = {name: 0 for name, _ in self.named_parameters()}
        self.stages = dict(self.depths)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns what the head gives of (n, D) maps, one tensor with n rows."""
        maps = self.layout.split(rows)
        return self.head([each.contiguous(memory_format=_FORMAT) if each.ndim == 4 else each
                          for each in maps])  # fmt: skip

    def set_trainable(self, stages: int, *, norms_only: bool = False) -> None:
        """All of it learns, always."""
        self.requires_grad_(True)

    def replica(self) -> MapNet:
        """Returns a second module on the same weights, with gradients of its own."""
        twin = copy.deepcopy(self)
        for own, shared in zip(twin.parameters(), self.parameters(), strict=True):
            own.data = shared.data
            own.grad = None
        return twin

    def is_stochastic(self) -> bool:
        """Tells whether training draws random numbers inside of it: never."""
        return False


_FORMAT = torch.channels_last
