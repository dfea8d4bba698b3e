"""The loss of boxes: which cells answer for which object, and how well they do, for each image.

Task-aligned (TOOD; Feng et al., 2021): those cells of an object answer for it whose score and box
fit it best already. Where nothing fits yet, those nearest to its centre on the level of its size.
Scores are taught the overlap of their box (quality focal loss; Li et al., 2020).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.net import box_corners, box_parts, box_scores

__all__ = ["UNKNOWN", "NO_BOX", "Assigned", "assign", "box_losses"]

NO_BOX = -1
"""Class of a row that is no box: images of a batch have as many rows as the fullest."""

UNKNOWN = -2
"""Class of a region where nothing is known, such as a crowd: cells in it learn nothing new."""

_ALPHA, _BETA = 1.0, 6.0  # how much the score and the overlap count (TOOD)
# Cells within so many strides of an object's centre may answer for it where none is inside.
_NEAR = 1.5
# A level is meant for objects whose longer side is so many of its cells.
_FIT = 6.0
# Overlap and score of cells that know nothing: what is above counts as fitting.
_COLD = 0.01
_QUALITY = 2.0
# Pairs of object and cell that are worked on at once: a score of tables of 4 bytes each.
_PAIRS = 1 << 20
_EPSILON = 1e-7


class Assigned(NamedTuple):
    """What each cell answers for.

    Attributes:
        object: (n, A) int row of the object, -1 for none.
        quality: (n, A) 0 to 1, what the score shall be.
        ignored: (n, A) bool, cells that learn no scores.
    """

    object: torch.Tensor
    quality: torch.Tensor
    ignored: torch.Tensor


def box_losses(
    raw: torch.Tensor,
    targets: dict[str, torch.Tensor],
    *,
    plan: BoxPlan,
    cells: torch.Tensor,
    top: int = 9,
    box_weight: float = 2.0,
    bin_weight: float = 0.25,
) -> torch.Tensor:
    """Returns (n,) one number an image: scores, overlap of boxes, and the bins of their sides.

    Args:
        raw: (n, A, K) of `BoxNet.raw`.
        targets: ``"boxes"`` (n, M, 4) left, top, right, bottom in pixels of the input, and
            ``"classes"`` (n, M) int, `NO_BOX` and `UNKNOWN` among them.
        plan: Of the head.
        cells: (A, 3), as `box_head.grid` has them.
        top: Cells that answer for an object, at most.
        box_weight: Of the overlap of boxes.
        bin_weight: Of the bins of their sides.
    """
    raw, cells = raw.float(), cells.to(raw.device)
    truth, classes = targets["boxes"].float(), targets["classes"].long()
    if not truth.shape[1]:  # a row that is no box, so that there is something to point at
        truth, classes = truth.new_zeros(len(raw), 1, 4), classes.new_full((len(raw), 1), NO_BOX)
    with torch.no_grad():
        corners = box_corners(plan, raw, cells)
        found = assign(box_scores(plan, raw), corners, truth, classes, cells, top)
    taken = found.object >= 0
    row = found.object.clamp_min(0)
    scores = _score_losses(plan, raw, found, classes.gather(1, row))
    # Of the assigned cells only: what every cell says of its sides takes longer than all else.
    wanted = truth.gather(1, row[..., None].expand(-1, -1, 4))[taken]
    own, where = raw[taken], cells.expand(len(raw), -1, -1)[taken]
    each = box_weight * _apart(box_corners(plan, own, where), wanted)
    if plan.bins:
        each = each + bin_weight * _bin_losses(plan, own, where, wanted)
    weight = found.quality * taken
    placed = torch.zeros_like(weight).masked_scatter(taken, each) * weight
    return scores + placed.sum(1) / weight.sum(1).clamp_min(1.0)


def assign(
    scores: torch.Tensor,
    corners: torch.Tensor,
    truth: torch.Tensor,
    classes: torch.Tensor,
    cells: torch.Tensor,
    top: int = 9,
) -> Assigned:
    """Says which cell answers for which object.

    Args:
        scores: (n, A, C), 0 to 1.
        corners: (n, A, 4) boxes of the cells, in pixels.
        truth: (n, M, 4) boxes of the objects, M at least 1.
        classes: (n, M), as `box_losses` takes them.
        cells: (A, 3).
        top: Cells of an object, at most.
    """
    step = max(1, _PAIRS // (truth.shape[1] * len(cells)))
    parts = [
        _assign(*some, cells=cells, top=top)
        for some in zip(*(each.split(step) for each in (scores, corners, truth, classes)))
    ]
    return Assigned(*map(torch.cat, zip(*parts, strict=True)))


def _assign(
    scores: torch.Tensor,
    corners: torch.Tensor,
    truth: torch.Tensor,
    classes: torch.Tensor,
    *,
    cells: torch.Tensor,
    top: int,
) -> Assigned:
    """As `assign`, of all images at once."""
    sides = truth[..., 2:] - truth[..., :2]
    real = (classes >= 0) & (sides > 0).all(-1)
    near = _candidates(truth, cells) & real[..., None]
    overlaps = _iou(truth[:, :, None], corners[:, None])  # (n, M, A)
    index = classes.clamp(0, scores.shape[2] - 1)[..., None].expand(-1, -1, scores.shape[1])
    own = scores.transpose(1, 2).gather(1, index)
    fit = own**_ALPHA * overlaps**_BETA
    # Where no candidate fits, the place decides, and what little fit there is between equals.
    cold = (fit * near).amax(-1, keepdim=True) < _COLD**_ALPHA * 0.5**_BETA
    metric = torch.where(cold, _by_place(truth, cells), fit) * near
    first = metric.topk(min(top, metric.shape[2]), dim=2)
    chosen = torch.zeros_like(near).scatter_(2, first.indices, first.values > 0)
    # A cell that several objects want answers for the one that its box overlaps most; in doubt
    # for the smaller, which has fewer cells.
    smaller = 1 / (1 + sides.prod(-1).clamp_min(0))[..., None]
    rank = torch.where(chosen, overlaps + 1e-3 * smaller + _EPSILON, overlaps.new_zeros(()))
    best, row = rank.max(1)
    taken = best > 0
    won = torch.zeros_like(chosen).scatter_(1, row[:, None], True) & chosen
    quality = _qualities(metric * won, overlaps * won, cold)
    ignored = ((classes == UNKNOWN)[..., None] & _inside(truth, cells)).any(1) & ~taken
    return Assigned(torch.where(taken, row, -1), quality.amax(1), ignored)


def _qualities(metric: torch.Tensor, overlaps: torch.Tensor, cold: torch.Tensor) -> torch.Tensor:
    """Returns (n, M, A): the best cell of an object is taught its overlap, the others less."""
    largest = overlaps.amax(-1, keepdim=True)
    # One that overlaps nothing yet is found by its place, and its score must rise from somewhere.
    largest = torch.where(cold, largest.clamp_min(0.3), largest)
    return metric / metric.amax(-1, keepdim=True).clamp_min(1e-12) * largest


def _candidates(truth: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Returns (n, M, A) bool: cells in a box, and those next to its centre where none is."""
    inside = _inside(truth, cells)
    centre = (truth[..., None, :2] + truth[..., None, 2:]) / 2
    beside = ((cells[:, :2] - centre).abs() <= _NEAR * cells[:, 2:]).all(-1)
    return torch.where(inside.any(-1, keepdim=True), inside, beside)


def _inside(truth: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    x, y = cells[:, 0], cells[:, 1]
    left, top, right, bottom = (truth[..., at, None] for at in range(4))
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def _by_place(truth: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Returns (n, M, A) above 0: cells near the centre, of the level whose cells fit the size."""
    centre, sides = (truth[..., :2] + truth[..., 2:]) / 2, truth[..., 2:] - truth[..., :2]
    away = ((cells[:, :2] - centre[..., None, :]) / cells[:, 2:]).norm(dim=-1)
    longer = sides.amax(-1, keepdim=True).clamp_min(1.0)
    level = (longer / (_FIT * cells[:, 2])).log2().abs()
    return torch.exp(-away - 2 * level).clamp_min(1e-12)


def _score_losses(
    plan: BoxPlan, raw: torch.Tensor, found: Assigned, classes: torch.Tensor
) -> torch.Tensor:
    """Returns (n,): quality focal loss of all cells and classes, for each object's worth."""
    quality = found.quality * (found.object >= 0)
    wanted = nn.functional.one_hot(classes.clamp_min(0), plan.n_classes) * quality[..., None]
    logs, others = _log_scores(plan, raw)
    entropy = -(wanted * logs + (1 - wanted) * others)
    each = (entropy * (wanted - logs.exp()).abs() ** _QUALITY).sum(-1)
    return (each * ~found.ignored).sum(1) / quality.sum(1).clamp_min(1.0)


def _log_scores(plan: BoxPlan, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (n, A, C) logarithms of the scores, and of what is missing to 1.

    With objectness a score is a product, and learnt as one: a new class layer tells what it is
    and what it is not, and a pretrained objectness need not learn that first.
    """
    logits, objectness, _ = box_parts(plan, raw)
    logs = nn.functional.logsigmoid(logits)
    if objectness is None:
        return logs, nn.functional.logsigmoid(-logits)
    logs = logs + nn.functional.logsigmoid(objectness)
    # 1 - ab is (1 - a) + a (1 - b), of which no part is lost where the scores are near 1.
    missing = nn.functional.logsigmoid(logits) + nn.functional.logsigmoid(-objectness)
    return logs, torch.logaddexp(nn.functional.logsigmoid(-logits), missing)


def _bin_losses(
    plan: BoxPlan, raw: torch.Tensor, cells: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    """Returns (R,): cross-entropy of the two bins around each side's distance.

    Args:
        plan: Of the head.
        raw: (R, K) rows of cells.
        cells: (R, 3) those.
        wanted: (R, 4) box of each.
    """
    _, _, sides = box_parts(plan, raw)
    logs = sides.unflatten(-1, (4, plan.bins)).log_softmax(-1)
    centre, stride = cells[:, :2], cells[:, 2:]
    away = torch.cat([centre - wanted[..., :2], wanted[..., 2:] - centre], dim=-1) / stride
    away = away.clamp(0, plan.bins - 1 - 0.01)
    low = away.floor().long()
    share = away - low
    first = logs.gather(-1, low[..., None])[..., 0]
    second = logs.gather(-1, low[..., None] + 1)[..., 0]
    return -(first * (1 - share) + second * share).mean(-1)


def _apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Returns (R,) 1 - GIoU of boxes that stand opposite each other (Rezatofighi et al., 2019).

    As torchvision's `generalized_box_iou_loss`, whose import takes longer than a first answer may.
    """
    around = torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])
    whole = around.clamp_min(0).prod(-1)
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    union = _areas(one) + _areas(other) - shared
    return 1 - shared / (union + _EPSILON) + (whole - union) / (whole + _EPSILON)


def _areas(boxes: torch.Tensor) -> torch.Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


def _iou(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Returns the overlap of boxes that stand opposite each other, (..., 4) each."""
    low = torch.maximum(one[..., :2], other[..., :2])
    shared = (torch.minimum(one[..., 2:], other[..., 2:]) - low).clamp_min(0).prod(-1)
    return shared / (_areas(one) + _areas(other) - shared).clamp_min(_EPSILON)
