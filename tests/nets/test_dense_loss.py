"""The loss of masks: what is not known does not count."""

from __future__ import annotations

import torch

from headstart.nets.dense_loss import dense_losses

EVEN = torch.ones(3)


def shares(classes: list[list[int]]) -> torch.Tensor:
    """(1, 3, h, w); -1 is of no class."""
    told = torch.tensor(classes)
    return torch.stack([(told == c).float() for c in range(3)])[None]


def test_right_scores_lose_nothing_and_wrong_ones_much():
    truth = shares([[0, 1], [1, 0]])
    right = dense_losses(20 * truth, truth, EVEN)
    wrong = dense_losses(-20 * truth, truth, EVEN)
    assert float(right) < 0.01 < 5 < float(wrong)


def test_what_is_ignored_changes_nothing():
    truth, scores = shares([[0, -1], [1, 0]]), torch.randn(1, 3, 2, 2)
    other = scores.clone()
    other[..., 0, 1] += torch.tensor([9.0, -9.0, 4.0])
    assert torch.allclose(dense_losses(scores, truth, EVEN), dense_losses(other, truth, EVEN))
    assert float(dense_losses(scores, 0 * truth, EVEN)) == 0


def test_rare_classes_weigh_what_they_are_given():
    truth = shares([[0, 0], [0, 1]])
    scores = torch.zeros(1, 3, 2, 2)
    scores[:, 0] = 3.0
    plain = dense_losses(scores, truth, EVEN, dice=0)
    heavy = dense_losses(scores, truth, torch.tensor([1.0, 10.0, 1.0]), dice=0)
    assert float(heavy) > 1.5 * float(plain)


def test_models_side_by_side_have_losses_of_their_own():
    truth, scores = shares([[0, 1], [2, 0]]), torch.randn(1, 4, 3, 2, 2)
    both = dense_losses(scores, truth[:, None], EVEN)
    alone = [dense_losses(scores[:, m], truth, EVEN) for m in range(4)]
    assert torch.allclose(both, torch.stack(alone, dim=1))
