"""The loss of boxes: who answers for what, and that a head learns by it."""

from __future__ import annotations

import pytest
import torch

from headstart.nets.boxes import loss as box_loss
from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.loss import NO_BOX, UNKNOWN, assign, box_losses
from headstart.nets.boxes.net import box_corners, box_scores, build_boxes

PLANS = {
    "bins": BoxPlan("pyramid", (8, 8), (8, 16), (0, 1), 3, 16, bins=8),
    "centre": BoxPlan("levels", (8, 8), (8, 16), (0, 1), 3, objectness=True, offset=0.0),
}


def maps(n: int = 2) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(n, 8, side, side, generator=rng) for side in (8, 4)]


def targets(*rows: list[tuple[float, float, float, float, int]]) -> dict[str, torch.Tensor]:
    most = max(map(len, rows))
    full = [[*row, *[(0.0, 0.0, 0.0, 0.0, NO_BOX)] * (most - len(row))] for row in rows]
    found = torch.tensor(full).reshape(len(rows), most, 5)
    return {"boxes": found[..., :4], "classes": found[..., 4].long()}


TWO = targets([(4, 6, 28, 40, 0), (30, 30, 60, 62, 2)], [(10, 10, 22, 24, 1)])


@pytest.mark.parametrize("kind", PLANS)
def test_a_head_learns_places_and_classes(kind):
    plan, net = PLANS[kind], build_boxes(PLANS[kind], seed=1)
    read = maps()
    cells = net.cells(read)
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.02, weight_decay=0.0)
    first = None
    for _ in range(150):
        losses = box_losses(net.raw(read), TWO, plan=plan, cells=cells)
        assert losses.shape == (2,)
        optimiser.zero_grad()
        losses.mean().backward()
        optimiser.step()
        first = losses.mean().item() if first is None else first
    assert losses.mean().item() < 0.3 * first
    with torch.inference_mode():
        scores, corners = net(read)
    for image in range(2):
        for box, label in zip(TWO["boxes"][image], TWO["classes"][image], strict=True):
            if label < 0:
                continue
            best = scores[image, :, label].argmax()
            assert scores[image, best].argmax() == label
            assert (corners[image, best] - box).abs().max() < 6, (corners[image, best], box)


@pytest.mark.parametrize("kind", PLANS)
def test_each_image_has_its_own_loss_and_may_be_empty(kind):
    plan, net = PLANS[kind], build_boxes(PLANS[kind], seed=1)
    raw, cells = net.raw(maps()), net.cells(maps())
    both = box_losses(raw, TWO, plan=plan, cells=cells)
    alone = box_losses(raw[1:], targets([(10, 10, 22, 24, 1)]), plan=plan, cells=cells)
    assert torch.allclose(both[1:], alone, atol=1e-5)
    for nothing in (targets([], [])), targets([(0, 0, 0, 0, NO_BOX)], []):
        losses = box_losses(raw, nothing, plan=plan, cells=cells)
        assert torch.isfinite(losses).all()
        assert (losses > 0).all()  # scores must fall where nothing is


def test_cold_cells_are_those_near_the_centre_on_the_level_that_fits():
    plan = PLANS["bins"]
    net = build_boxes(plan)
    cells = net.cells(maps())
    raw = torch.zeros(1, len(cells), plan.row)
    raw[..., :3] = -5.0
    raw[..., 3 :: plan.bins] = 20.0  # boxes of no size overlap nothing
    given = targets([(16, 16, 64, 64, 1)])
    scores, corners = box_scores(plan, raw), box_corners(plan, raw, cells)
    found = assign(scores, corners, given["boxes"], given["classes"], cells)
    chosen = cells[found.object[0] >= 0]
    assert 1 <= len(chosen) <= 9
    assert ((chosen[:, :2] - 40).abs() < 24).all()
    best = cells[found.quality[0].argmax()]
    assert best[2] == 8  # the side is six cells of this level
    assert (found.quality[0] > 0).sum() == len(chosen)


def test_what_fits_answers_wherever_it_is():
    plan = PLANS["bins"]
    cells = build_boxes(plan).cells(maps())
    scores = torch.full((1, len(cells), 3), 0.01)
    corners = torch.zeros(1, len(cells), 4)
    inside = int(((cells[:, :2] - torch.tensor([20.0, 36.0])).abs().sum(1)).argmin())
    corners[0, inside] = torch.tensor([16.0, 16.0, 62.0, 64.0])
    given = targets([(16, 16, 64, 64, 1)])
    found = assign(scores, corners, given["boxes"], given["classes"], cells)
    assert found.quality[0].argmax() == inside
    assert found.quality[0, inside] > 0.9
    assert found.quality[0].sum() == found.quality[0, inside]


def test_a_thing_smaller_than_a_cell_has_an_answer():
    plan = PLANS["bins"]
    net = build_boxes(plan)
    cells = net.cells(maps())
    given = targets([(17, 17, 19, 19, 1)])
    scores, corners = net(maps(1))
    found = assign(scores, corners, given["boxes"], given["classes"], cells)
    assert (found.object[0] >= 0).any()


@pytest.mark.parametrize("kind", PLANS)
def test_nothing_is_learnt_of_scores_in_a_crowd(kind):
    plan, net = PLANS[kind], build_boxes(PLANS[kind], seed=1)
    raw = net.raw(maps(1)).detach().requires_grad_()
    cells = net.cells(maps())
    given = targets([(40, 40, 60, 60, 0), (0, 0, 30, 64, UNKNOWN)])
    box_losses(raw, given, plan=plan, cells=cells).sum().backward()
    crowd = (cells[:, 0] > 0) & (cells[:, 0] < 30) & (cells[:, 1] > 0) & (cells[:, 1] < 64)
    moved = raw.grad[0, :, : plan.n_classes + int(plan.objectness)].abs().sum(1)
    assert (moved[crowd] == 0).all()
    assert (moved[~crowd] > 0).any()


def test_a_score_that_is_a_product_is_learnt_as_one():
    """Where objectness is sure already, the class layer must say what an object is not."""
    plan, net = PLANS["centre"], build_boxes(PLANS["centre"], seed=1)
    cells = net.cells(maps())
    raw = net.raw(maps(1)).detach()
    raw[..., 3] = 8.0
    raw.requires_grad_()
    nothing = targets([(0, 0, 0, 0, NO_BOX)])
    box_losses(raw, nothing, plan=plan, cells=cells).sum().backward()
    assert (raw.grad[..., :3] > 0).all()  # every class goes down


def test_scores_of_one_and_zero_have_finite_losses_and_gradients():
    for plan in PLANS.values():
        net = build_boxes(plan)
        raw = torch.cat([torch.full((1, 80, plan.row), v) for v in (-90.0, 90.0)])
        raw.requires_grad_()
        losses = box_losses(raw, TWO, plan=plan, cells=net.cells(maps()))
        losses.sum().backward()
        assert torch.isfinite(losses).all()
        assert torch.isfinite(raw.grad).all()


def test_how_far_boxes_are_apart_is_torchvisions():
    from torchvision.ops import generalized_box_iou_loss

    torch.manual_seed(0)
    one, other = (torch.rand(200, 4) * 50 for _ in range(2))
    one[:, 2:] += one[:, :2] + 1
    other[:, 2:] += other[:, :2] + 1
    found = box_loss._apart(one, other)
    assert torch.allclose(found, generalized_box_iou_loss(one, other), atol=1e-5)


def test_crowded_images_are_assigned_in_parts_to_the_same_bit(monkeypatch):
    rng = torch.Generator().manual_seed(3)
    n, objects = 5, 40
    corner = torch.rand(n, objects, 2, generator=rng) * 50
    truth = torch.cat([corner, corner + 2 + 10 * torch.rand(n, objects, 2, generator=rng)], dim=2)
    classes = torch.randint(-2, 3, (n, objects), generator=rng)
    cells = build_boxes(PLANS["bins"], seed=1).cells(maps())
    scores = torch.rand(n, len(cells), 3, generator=rng)
    middle = cells[None, :, :2] + torch.randn(n, len(cells), 2, generator=rng)
    corners = torch.cat([middle - 5, middle + 5], dim=2)
    whole = assign(scores, corners, truth, classes, cells)
    for images in (1, 2):
        monkeypatch.setattr(box_loss, "_PAIRS", images * objects * len(cells))
        parts = assign(scores, corners, truth, classes, cells)
        assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))
