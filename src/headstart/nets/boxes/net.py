"""`BoxNet`: heads of boxes as modules, built from a description that JSON keeps.

Every cell of every stage that is read gives one box with a score for each class.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from headstart.nets.boxes.head import LARGEST_LOG, TOWERS, BoxHead, BoxPlan, grid
from headstart.nets.heads.head_net import (
    HeadNet,
    Separable,
    arrays_of,
    seeded,
    top_down,
    with_arrays,
)

__all__ = [
    "BoxNet",
    "BoxRows",
    "box_corners",
    "box_head_of",
    "box_net_of",
    "box_parts",
    "box_scores",
    "build_boxes",
]

# A new class layer begins by expecting an object in one cell of a hundred (Lin et al., 2017).
_PRIOR = -math.log(99.0)


def box_parts(
    plan: BoxPlan, raw: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """Returns (..., C) class logits, (..., 1) that of objectness or None, and (..., 4 or 4 x bins).

    Args:
        plan: Of the head.
        raw: (..., K) rows.
    """
    n = plan.n_classes
    objectness = raw[..., n : n + 1] if plan.objectness else None
    return raw[..., :n], objectness, raw[..., n + int(plan.objectness) :]


def box_corners(plan: BoxPlan, raw: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Returns (..., A, 4) left, top, right, bottom in pixels of the input, not cut at its edge.

    Args:
        plan: Of the head.
        raw: (..., A, K) rows.
        cells: (A, 3), as `box_head.grid` has them.
    """
    _, _, sides = box_parts(plan, raw)
    centre, stride = cells[:, :2], cells[:, 2:]
    if plan.bins:
        shares = sides.unflatten(-1, (4, plan.bins)).softmax(-1)
        bins = torch.arange(plan.bins, dtype=shares.dtype, device=shares.device)
        away = (shares * bins).sum(-1) * stride
        return torch.cat([centre - away[..., :2], centre + away[..., 2:]], dim=-1)
    centre = centre + sides[..., :2] * stride
    half = sides[..., 2:].clamp(max=LARGEST_LOG).exp() * (stride / 2)
    return torch.cat([centre - half, centre + half], dim=-1)


def box_scores(plan: BoxPlan, raw: torch.Tensor) -> torch.Tensor:
    """Returns (..., C) scores, 0 to 1, of (..., K) rows."""
    classes, objectness, _ = box_parts(plan, raw)
    found = classes.sigmoid()
    return found if objectness is None else found * objectness.sigmoid()


class BoxNet(HeadNet):
    """A head that answers with boxes."""

    plan: BoxPlan

    def level(self, at: int, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (N, K, h, w) of one level: class logits, objectness, sides."""
        raise NotImplementedError

    def raw(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (N, A, K): what the loss is made of, one row a cell, level by level.

        Args:
            maps: (N, c, h, w) of every stage of the network.
        """
        levels = [self.level(at, maps) for at in range(len(self.plan.stages))]
        return torch.cat([each.flatten(2) for each in levels], dim=2).transpose(1, 2)

    def cells(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (A, 3) of the cells of some maps, as `box_head.grid` has them."""
        # Plain numbers: a graph that is exported shall not compute them anew for every image.
        shapes = [(int(maps[i].shape[2]), int(maps[i].shape[3])) for i in self.plan.stages]
        return torch.from_numpy(grid(self.plan, shapes)).to(maps[self.plan.stages[0]].device)

    def forward(self, maps: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (N, A, C) scores, 0 to 1, and (N, A, 4) boxes in pixels of the input.

        Args:
            maps: (N, c, h, w) of every stage of the network.
        """
        raw = self.raw(maps)
        return box_scores(self.plan, raw), box_corners(self.plan, raw, self.cells(maps))

    def answer(self, maps: list[torch.Tensor], temperature: float) -> tuple[torch.Tensor, ...]:
        """Returns what `forward` does: classes of boxes do not exclude each other."""
        return self(maps)


class BoxRows(nn.Module):
    """A head of boxes as the training loop wants it: one tensor with N rows.

    Args:
        net: Trained in place.
    """

    def __init__(self, net: BoxNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (N, A, K), as `BoxNet.raw`."""
        return self.net.raw(maps)


class _Levels(BoxNet):
    def __init__(self, plan: BoxPlan) -> None:
        super().__init__(plan)
        channels = [plan.channels[each] for each in plan.stages]
        self.classes = nn.ModuleList(nn.Conv2d(c, plan.n_classes, 1) for c in channels)
        self.sides = nn.ModuleList(nn.Conv2d(c, plan.n_sides, 1) for c in channels)
        if plan.objectness:
            self.objectness = nn.ModuleList(nn.Conv2d(c, 1, 1) for c in channels)
        for conv in self.classes:
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.constant_(conv.bias, _PRIOR)

    def first(self) -> list[nn.Conv2d]:
        raise NotImplementedError("the last layers of a detector read its maps as they are")

    def level(self, at: int, maps: list[torch.Tensor]) -> torch.Tensor:
        read = maps[self.plan.stages[at]]
        parts = [self.classes[at](read)]
        if self.plan.objectness:
            parts.append(self.objectness[at](read))
        return torch.cat([*parts, self.sides[at](read)], dim=1)


class _Pyramid(BoxNet):
    """Top-down, then towers that all levels share (RetinaNet; Lin et al., 2017)."""

    def __init__(self, plan: BoxPlan) -> None:
        super().__init__(plan)
        width = plan.width
        self.laterals = nn.ModuleList(nn.Conv2d(plan.channels[i], width, 1) for i in plan.stages)
        self.smooth = nn.ModuleList(Separable(width) for _ in plan.stages)
        self.class_tower = nn.Sequential(*(Separable(width) for _ in range(TOWERS)))
        self.side_tower = nn.Sequential(*(Separable(width) for _ in range(TOWERS)))
        self.classes = nn.Conv2d(width, plan.n_classes, 1)
        self.sides = nn.Conv2d(width, plan.n_sides, 1)
        if plan.objectness:
            self.objectness = nn.Conv2d(width, 1, 1)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.constant_(self.classes.bias, _PRIOR)

    def first(self) -> list[nn.Conv2d]:
        return list(self.laterals)

    def raw(self, maps: list[torch.Tensor]) -> torch.Tensor:
        read = [maps[each] for each in self.plan.stages]
        found = list(maps)
        for stage, part in zip(
            self.plan.stages, top_down(self.laterals, self.smooth, read), strict=True
        ):
            found[stage] = part
        return super().raw(found)

    def level(self, at: int, maps: list[torch.Tensor]) -> torch.Tensor:
        read = maps[self.plan.stages[at]]
        sided = self.side_tower(read)
        parts = [self.classes(self.class_tower(read))]
        if self.plan.objectness:
            parts.append(self.objectness(sided))
        return torch.cat([*parts, self.sides(sided)], dim=1)


_KINDS: dict[str, type[BoxNet]] = {"levels": _Levels, "pyramid": _Pyramid}


def build_boxes(plan: BoxPlan, *, seed: int = 0) -> BoxNet:
    """Returns the head that a plan describes, with weights that follow from a seed.

    Args:
        plan: What it is made of.
        seed: Of the weights.
    """
    return seeded(lambda: _KINDS[plan.kind](plan), seed)


def box_head_of(net: BoxNet) -> BoxHead:
    """Returns a module as it is kept."""
    return BoxHead(net.plan, arrays_of(net))


def box_net_of(head: BoxHead) -> BoxNet:
    """Returns the module of a head, in evaluation mode."""
    return with_arrays(build_boxes(head.plan), head)
