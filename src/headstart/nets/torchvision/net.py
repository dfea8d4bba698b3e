"""Torchvision's detectors over a network of ours, as modules of a `BoxHead`.

Layers, boxes to begin from, matching and losses are torchvision's own. What they say of every box
is given out before non-maximum suppression, as our own heads give it, so that run, file, server
and films decode it like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from headstart.nets.heads.head_net import HeadNet
from headstart.nets.torchvision.plan import TorchvisionPlan

__all__ = [
    "FcosBoxes",
    "RetinaBoxes",
    "SsdBoxes",
    "TorchvisionNet",
    "Truths",
    "Unmatched",
    "decoded",
    "truth_of",
]

Truths = list[dict[str, torch.Tensor]]
"""Of each image ``"boxes"`` (m, 4) and ``"labels"`` (m,), as torchvision takes them."""


@dataclass(frozen=True)
class Unmatched:
    """What a detector under training says of n images, until it is told what is on them.

    Attributes:
        net: Who says it.
        outputs: Name -> (n, A, k) of every box to begin from.
        levels: Name -> (n, c, h, w) that a second stage reads; none where there is no such.
    """

    net: TorchvisionNet
    outputs: dict[str, torch.Tensor]
    levels: dict[str, torch.Tensor]

    def float(self) -> Unmatched:
        """Returns the same in single precision."""
        outputs = {name: each.float() for name, each in self.outputs.items()}
        return replace(self, outputs=outputs, levels={k: v.float() for k, v in self.levels.items()})

    def detach(self) -> Unmatched:
        """Returns itself: what watches it asks for no gradient."""
        return self

    def losses(self, targets: dict[str, torch.Tensor]) -> torch.Tensor:
        """Returns (n,) one number an image: the sum of torchvision's losses.

        Args:
            targets: ``"boxes"`` (n, M, 4) and ``"classes"`` (n, M) int: below 0 is no object, or
                one that is not asked for.
        """
        return self.net.losses(self, truth_of(targets, self.net.first_label))


def truth_of(targets: dict[str, torch.Tensor], first: int) -> Truths:
    """Returns what is on n images as torchvision takes it; crowds and difficult objects are left.

    Args:
        targets: As `Unmatched.losses` takes them.
        first: Label of the first class.
    """
    found = []
    for boxes, classes in zip(targets["boxes"].float(), targets["classes"].long(), strict=True):
        real = (classes >= 0) & (boxes[:, 2:] > boxes[:, :2]).all(1)
        found.append({"boxes": boxes[real], "labels": classes[real] + first})
    return found


class TorchvisionNet(HeadNet):
    """One of torchvision's detectors, from the stages of a network on.

    Args:
        plan: What it is made of.
        model: Torchvision's, over a body that takes the maps of all stages.

    Attributes:
        first_label: Label of the first class: 1 where 0 is background.
    """

    plan: TorchvisionPlan
    first_label = 0
    anchors: torch.Tensor

    def __init__(self, plan: TorchvisionPlan, model: Any) -> None:
        super().__init__(plan)
        self.model = model
        self.register_buffer("anchors", _anchors(plan, self.generator), persistent=False)

    @property
    def generator(self) -> Any:
        """What makes the boxes to begin from."""
        return self.model.anchor_generator

    @property
    def per_level(self) -> list[int]:
        """How many of them each level has."""
        return [self.plan.anchors * side * side for side in self.plan.sides]

    def forward(self, maps: list[torch.Tensor]) -> Any:
        """Returns `Unmatched` while it trains; (N, A, C) scores and (N, A, 4) boxes at work.

        Args:
            maps: (N, c, h, w) of every stage of the network.
        """
        levels = self.model.backbone(maps)
        outputs = self.outputs(list(levels.values()))
        if self.training:
            return Unmatched(self, outputs, self.read_again(levels))
        return self.told(outputs, levels)

    def answer(self, maps: list[torch.Tensor], temperature: float) -> tuple[torch.Tensor, ...]:
        """Returns what `forward` does: scores of boxes are calibrated afterwards."""
        return self(maps)

    def outputs(self, levels: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        """Returns name -> (N, A, k) of every box to begin from.

        Args:
            levels: (N, c, h, w) of each.
        """
        found: dict[str, torch.Tensor] = self.model.head(levels)
        return found

    def read_again(self, levels: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Returns the levels that the losses need too."""
        return {}

    def told(
        self, outputs: dict[str, torch.Tensor], levels: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (N, A, C) scores, 0 to 1, and (N, A, 4) boxes in pixels of the input."""
        boxes = self.corners(outputs["bbox_regression"])
        return self.scores(outputs), boxes.clamp(0, self.plan.size)

    def scores(self, outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Returns (N, A, C), 0 to 1."""
        raise NotImplementedError

    def corners(self, sides: torch.Tensor) -> torch.Tensor:
        """Returns (N, A, 4) boxes of what is said of those to begin from."""
        return decoded(self.model.box_coder, sides, self.anchors)

    def losses(self, unmatched: Unmatched, truth: Truths) -> torch.Tensor:
        """Returns (n,) the sum of torchvision's losses of each image.

        Args:
            unmatched: Of n images.
            truth: What is on each.
        """
        found = []
        for at, each in enumerate(truth):
            own = {name: rows[at : at + 1] for name, rows in unmatched.outputs.items()}
            found.append(torch.stack([part.sum() for part in self.parts(own, each).values()]).sum())
        return torch.stack(found)

    def parts(
        self, outputs: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Returns torchvision's losses of one image by name."""
        raise NotImplementedError


class RetinaBoxes(TorchvisionNet):
    """Lin et al., 2017."""

    def scores(self, outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """As `TorchvisionNet.scores`."""
        return outputs["cls_logits"].sigmoid()

    def parts(
        self, outputs: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """As `TorchvisionNet.parts`."""
        found: dict[str, torch.Tensor] = self.model.compute_loss([truth], outputs, [self.anchors])
        return found


class FcosBoxes(TorchvisionNet):
    """Tian et al., 2019."""

    def scores(self, outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """As `TorchvisionNet.scores`."""
        both = outputs["cls_logits"].sigmoid() * outputs["bbox_ctrness"].sigmoid()
        return both.clamp_min(1e-12).sqrt()

    def corners(self, sides: torch.Tensor) -> torch.Tensor:
        """As `TorchvisionNet.corners`."""
        found: torch.Tensor = self.model.box_coder.decode(sides, self.anchors)
        return found

    def parts(
        self, outputs: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """As `TorchvisionNet.parts`."""
        found: dict[str, torch.Tensor] = self.model.compute_loss(
            [truth], outputs, [self.anchors], self.per_level
        )
        return found


class SsdBoxes(TorchvisionNet):
    """Liu et al., 2016; with separable heads Sandler et al., 2018."""

    first_label = 1

    def scores(self, outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """As `TorchvisionNet.scores`."""
        return outputs["cls_logits"].softmax(-1)[..., 1:]

    def parts(
        self, outputs: dict[str, torch.Tensor], truth: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """As `TorchvisionNet.parts`."""
        from torchvision.ops import box_iou

        matched = torch.full((len(self.anchors),), -1, device=self.anchors.device)
        if len(truth["boxes"]):
            matched = self.model.proposal_matcher(box_iou(truth["boxes"], self.anchors))
        found: dict[str, torch.Tensor] = self.model.compute_loss(
            [truth], outputs, [self.anchors], [matched]
        )
        return found


def decoded(coder: Any, sides: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Returns (N, A, 4) boxes.

    Args:
        coder: Torchvision's.
        sides: (N, A, 4) of what is said.
        anchors: (A, 4) boxes to begin from, or (N, A, 4).
    """
    whole = anchors.expand(sides.shape[0], sides.shape[1], 4).reshape(-1, 4)
    return coder.decode_single(sides.reshape(-1, 4), whole).reshape(sides.shape)


def _anchors(plan: TorchvisionPlan, generator: Any) -> torch.Tensor:
    """Returns (A, 4) boxes to begin from, level by level.

    They are kept as numbers: a graph that is exported shall not compute them anew.
    """
    from torchvision.models.detection.image_list import ImageList

    with torch.device("cpu"):
        image = torch.zeros(1, 3, plan.size, plan.size)
        levels = [torch.zeros(1, 1, side, side) for side in plan.sides]
        (found,) = generator(ImageList(image, [(plan.size, plan.size)]), levels)
    assert len(found) == plan.anchors * sum(side * side for side in plan.sides)
    return found
