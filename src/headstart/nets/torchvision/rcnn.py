"""Torchvision's Faster R-CNN in fixed numbers: so many regions of an image, whatever is on it.

While it trains, regions and losses are torchvision's; what is drawn at random follows from what
is on the image, so that a training in several threads, or one that goes on, draws
the same. At work the regions are chosen by products of matrices instead of a loop, for any number
of images at once: torch, ONNX and every device do the same.
"""

from __future__ import annotations

from typing import Any

import torch

from headstart.nets.torchvision.body import PyramidBody
from headstart.nets.torchvision.net import TorchvisionNet, Truths, Unmatched, decoded
from headstart.nets.torchvision.plan import PROPOSALS, TorchvisionPlan

__all__ = ["FixedSampler", "rcnn_of", "suppressed"]

_CANDIDATES = 600
# Which region goes is settled after as many rounds as one removes another in a row, a handful.
_ROUNDS = 16
# Regions of an image before and after suppression, and in the losses of both stages. The paper
# has 64 in the second; torchvision's 2,000 and 512 are for images of 800 px.
_BEFORE, _AFTER, _LEARNT = 1000, 500, 128
# As the Feature Pyramid Network gives a region of 224 px to the level of stride 16.
_SIDE, _LEVEL = 224.0, 4.0


class FixedSampler:
    """Draws examples of both sorts, as torchvision's sampler does, but not of a common source.

    Args:
        count: Examples of an image.
        share: Largest share of those with an object.

    Attributes:
        salt: What is drawn follows from it.
    """

    def __init__(self, count: int, share: float) -> None:
        self.count, self.share, self.salt = count, share, 0

    def __call__(self, labels: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Returns masks of what is drawn with an object, and without.

        Args:
            labels: (A,) of each image: from 1 on an object, 0 none, below 0 not counted.
        """
        rng = torch.Generator().manual_seed(self.salt)

        def drawn(wanted: torch.Tensor, most: int) -> torch.Tensor:
            rows = torch.where(wanted)[0]
            order = torch.randperm(len(rows), generator=rng)[:most].to(rows.device)
            found = torch.zeros_like(wanted)
            found[rows[order]] = True
            return found

        objects = [drawn(each >= 1, int(self.count * self.share)) for each in labels]
        others = [
            drawn(each == 0, self.count - int(own.sum()))
            for each, own in zip(labels, objects, strict=True)
        ]
        return objects, others


class _FasterRcnn(TorchvisionNet):
    """Ren et al., 2015, on a feature pyramid (Lin et al., 2017)."""

    first_label = 1

    @property
    def generator(self) -> Any:
        return self.model.rpn.anchor_generator

    def outputs(self, levels: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        logits, sides = self.model.rpn.head(levels)
        return {"objectness": _flat(logits, 1), "sides": _flat(sides, 4)}

    def read_again(self, levels: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return dict(levels)

    def losses(self, unmatched: Unmatched, truth: Truths) -> torch.Tensor:
        from torchvision.models.detection.roi_heads import fastrcnn_loss

        rpn, second = self.model.rpn, self.model.roi_heads
        outputs, shape, n = unmatched.outputs, (self.plan.size, self.plan.size), len(truth)
        regions = self.model.rpn.box_coder.decode(
            outputs["sides"].detach().reshape(-1, 4), [self.anchors] * n
        ).view(n, -1, 4)
        chosen, _ = rpn.filter_proposals(
            regions, outputs["objectness"].reshape(-1, 1), [shape] * n, self.per_level
        )
        first: list[torch.Tensor] = []
        proposals: list[torch.Tensor] = []
        labels: list[torch.Tensor] = []
        wanted: list[torch.Tensor] = []
        for at, each in enumerate(truth):
            salt = _salt(each["boxes"], outputs["objectness"][at])
            rpn.fg_bg_sampler.salt = second.fg_bg_sampler.salt = salt
            kinds, matched = rpn.assign_targets_to_anchors([self.anchors], [each])
            aims = rpn.box_coder.encode(matched, [self.anchors])
            own = outputs["objectness"][at], outputs["sides"][at]
            first.append(sum(rpn.compute_loss(*own, kinds, aims)))
            parts = second.select_training_samples([chosen[at]], [each])
            for kept, part in zip((proposals, labels, wanted), (parts[0], parts[2], parts[3]),
                                  strict=True):  # fmt: skip
                kept.append(part[0])
        read = second.box_roi_pool(unmatched.levels, proposals, [shape] * n)
        logits, sides = second.box_predictor(second.box_head(read))
        counts, found = [len(each) for each in proposals], []
        for at, (own_logits, own_sides) in enumerate(
            zip(logits.split(counts), sides.split(counts), strict=True)
        ):
            parts = fastrcnn_loss(own_logits, own_sides, [labels[at]], [wanted[at]])
            found.append(first[at] + sum(parts))
        return torch.stack(found)

    def told(
        self, outputs: dict[str, torch.Tensor], levels: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        regions, real = self.regions(outputs)
        second, classes = self.model.roi_heads, self.plan.n_classes
        logits, sides = second.box_predictor(second.box_head(self.pooled(regions, levels)))
        scores = logits.softmax(-1)[:, 1:].reshape(-1, PROPOSALS, classes) * real[..., None]
        own = regions[:, :, None].expand(-1, -1, classes, 4).reshape(-1, 4)
        sides = sides.reshape(-1, classes + 1, 4)[:, 1:].reshape(-1, 4)
        boxes = second.box_coder.decode_single(sides, own).reshape(-1, PROPOSALS * classes, 4)
        one = torch.eye(classes, dtype=scores.dtype, device=scores.device)
        spread = (scores[..., None] * one).reshape(-1, PROPOSALS * classes, classes)
        return spread, boxes.clamp(0, self.plan.size)

    def regions(self, outputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (N, P, 4) regions, the best first, and (N, P) whether each is one.

        Args:
            outputs: Of the first stage.
        """
        rpn, found = self.model.rpn, []
        parts = (each.split(self.per_level, dim=1) for each in outputs.values())
        anchors = self.anchors.split(self.per_level)
        for logits, sides, own in zip(*parts, anchors, strict=True):
            count = min(_CANDIDATES, len(own))
            best, rows = logits[..., 0].topk(count, dim=1)
            chosen = rows[..., None].expand(-1, -1, 4)
            begun = own.expand(logits.shape[0], -1, -1).gather(1, chosen)
            boxes = decoded(rpn.box_coder, sides.gather(1, chosen), begun)
            boxes = boxes.clamp(0, self.plan.size)
            wide = (boxes[..., 2:] - boxes[..., :2]).amin(-1) >= rpn.min_size
            kept = ~suppressed(boxes, wide, rpn.nms_thresh) & wide
            found.append((torch.where(kept, best.sigmoid(), -1.0), boxes))
        scores = torch.cat([each for each, _ in found], dim=1)
        boxes = torch.cat([each for _, each in found], dim=1)
        missing = max(0, PROPOSALS - sum(min(_CANDIDATES, each) for each in self.per_level))
        if missing:
            scores = torch.nn.functional.pad(scores, (0, missing), value=-1.0)
            boxes = torch.nn.functional.pad(boxes, (0, 0, 0, missing))
        best, rows = scores.topk(PROPOSALS, dim=1)
        return boxes.gather(1, rows[..., None].expand(-1, -1, 4)), best >= 0

    def pooled(self, regions: torch.Tensor, levels: dict[str, torch.Tensor]) -> torch.Tensor:
        """Returns (N * P, c, 7, 7) of each region, read on the level that fits its size.

        Args:
            regions: (N, P, 4).
            levels: (N, c, h, w) of each.
        """
        from torchvision.ops import roi_align

        pool = self.model.roi_heads.box_roi_pool
        images = torch.arange(regions.shape[0], device=regions.device)
        of = images[:, None].expand(-1, PROPOSALS).reshape(-1, 1).to(regions.dtype)
        flat = regions.reshape(-1, 4)
        rows = torch.cat([of, flat], dim=1)
        sides = (flat[:, 2:] - flat[:, :2]).clamp_min(0).prod(1).sqrt()
        first = torch.tensor(float(self.plan.strides[self.plan.stages[0]])).log2().item()
        level = torch.floor(_LEVEL + torch.log2(sides / _SIDE + 1e-12) + 1e-6) - first
        level = level.clamp(0, len(pool.featmap_names) - 1)
        total = None
        for at, name in enumerate(pool.featmap_names):
            scale = 1 / self.plan.strides[self.plan.stages[at]]
            part = roi_align(levels[name], rows, pool.output_size, scale, pool.sampling_ratio)
            part = part * (level == at).to(part.dtype)[:, None, None, None]
            total = part if total is None else total + part
        assert total is not None, "at least one stage is read"
        return total


def suppressed(boxes: torch.Tensor, real: torch.Tensor, overlap: float) -> torch.Tensor:
    """Returns (N, M) bool: which boxes greedy non-maximum suppression would drop.

    A box is dropped if a better one that stays overlaps it. Beginning with all, whoever is decided
    by boxes before it that are decided is so after each round (Zheng et al., 2020).

    Args:
        boxes: (N, M, 4), the best first.
        real: (N, M) bool: the others drop none.
        overlap: From which on two are one.
    """
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0)
    areas = sides.prod(-1)
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    same = shared > overlap * (areas[:, :, None] + areas[:, None] - shared)
    count = boxes.shape[1]
    before = torch.ones(count, count, device=boxes.device).triu(1)
    drops = same.to(boxes.dtype) * before * real.to(boxes.dtype)[:, :, None]
    kept = torch.ones_like(areas)
    for _ in range(_ROUNDS):
        kept = ((kept[:, None] @ drops)[:, 0] < 0.5).to(boxes.dtype)
    return kept < 0.5


def _salt(boxes: torch.Tensor, objectness: torch.Tensor) -> int:
    """Returns a number that differs from view to view of an image, and is the same every time.

    Of an image without objects it comes of what is said of it, roundly: sums of floating-point
    numbers differ a little with the number of threads.
    """
    if len(boxes):
        return int(1000 * boxes.double().sum())
    return round(100 * float(objectness.detach().double().abs().mean()))


def _flat(levels: list[torch.Tensor], width: int) -> torch.Tensor:
    """Returns (N, A, width) of the (N, a * width, h, w) of each level."""
    found = []
    for each in levels:
        n, _, high, wide = each.shape
        rows = each.view(n, -1, width, int(high), int(wide)).permute(0, 3, 4, 1, 2)
        found.append(rows.reshape(n, -1, width))
    return torch.cat(found, dim=1)


def rcnn_of(plan: TorchvisionPlan) -> TorchvisionNet:
    """Returns torchvision's Faster R-CNN of a plan, with random weights.

    Args:
        plan: What it is made of.
    """
    from torchvision.models import detection
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.ops import MultiScaleRoIAlign

    body = PyramidBody(plan)
    sizes = tuple((plan.least * 2**at,) for at in range(len(plan.sides)))
    boxes = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))
    names = [str(at) for at in range(len(plan.stages))]
    model = detection.FasterRCNN(
        body, plan.n_classes + 1, rpn_anchor_generator=boxes,
        box_roi_pool=MultiScaleRoIAlign(names, output_size=7, sampling_ratio=2),
        rpn_pre_nms_top_n_train=_BEFORE, rpn_post_nms_top_n_train=_AFTER,
        box_batch_size_per_image=_LEARNT,
    )  # fmt: skip
    model.rpn.fg_bg_sampler = FixedSampler(256, 0.5)
    model.roi_heads.fg_bg_sampler = FixedSampler(_LEARNT, 0.25)
    return _FasterRcnn(plan, model)
