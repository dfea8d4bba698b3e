"""`MapNet`: a head that trains by itself, on maps that a frozen network has left."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from headstart.nets.pretrained.maps import MapLayout

__all__ = ["MapNet", "Moments"]

Moments = tuple[list[torch.Tensor], list[torch.Tensor]]
"""(C,) means and standard deviations of the channels of every stage that is held."""


class MapNet(nn.Module):
    """What the training loop asks of a network, for a head alone.

    Args:
        head: Trained in place.
        layout: Of the rows that it is given.
        moments: (means, standard deviations) of each stage that is held, a row of channels each:
            the head then learns on standardised maps, whatever their scale; None: as they are.

    Attributes:
        depths: Parameter name -> layer; there is one.
        stages: Likewise.
    """

    n_layers = 1
    n_stages = 1

    def __init__(self, head: nn.Module, layout: MapLayout, moments: Moments | None = None) -> None:
        super().__init__()
        self.head, self.layout, self._held = head, layout, len(moments[0]) if moments else 0
        for at, (mean, std) in enumerate(zip(*moments, strict=True) if moments else ()):
            self.register_buffer(f"mean{at}", mean.view(1, -1, 1, 1), persistent=False)
            self.register_buffer(f"scale{at}", 1 / std.view(1, -1, 1, 1), persistent=False)
        self.above: tuple[nn.Module, ...] = ()
        self.depths = {name: 0 for name, _ in self.named_parameters()}
        self.stages = dict(self.depths)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns what the head gives of (n, D) maps, one tensor with n rows."""
        maps = self.layout.split(rows)
        maps = [each.contiguous(memory_format=_FORMAT) if each.ndim == 4 else each for each in maps]
        first = self.layout.first
        for at in range(self._held):
            mean, scale = getattr(self, f"mean{at}"), getattr(self, f"scale{at}")
            maps[first + at] = (maps[first + at] - mean) * scale
        return self.head(maps)

    def deployed(self) -> Any:
        """Returns a copy of the head that takes maps as they come."""
        head: Any = copy.deepcopy(self.head)
        if self._held:
            named = dict(self.named_buffers())
            means = [named[f"mean{at}"].flatten() for at in range(self._held)]
            stds = [1 / named[f"scale{at}"].flatten() for at in range(self._held)]
            head.start(means, stds)
        return head

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
