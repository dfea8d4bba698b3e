"""The loss of masks: what is not known does not count."""

from __future__ import annotations

import numpy as np
import torch

from headstart.nets.masks.loss import DenseSums, dense_losses, torch_shares
from headstart.probe.dense_targets import mask_shares

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


def test_of_a_batch_of_one_both_are_the_same():
    truth, scores = shares([[0, -1], [2, 0]]), torch.randn(1, 3, 2, 2)
    whole = DenseSums(torch.tensor([1.0, 3.0, 2.0]), 0.7)
    one = dense_losses(scores, truth, whole.weights, dice=0.7)
    assert torch.allclose(whole.loss(whole.sums(scores, truth), 1), one)


def test_what_is_found_on_images_without_a_class_counts_where_another_image_has_it():
    truth = torch.cat([shares([[0, 0], [0, 1]]), shares([[0, 0], [0, 0]])])
    scores = 20 * truth
    false = scores.clone()
    false[1, 0], false[1, 1] = 0, 20  # the rare class where it is not
    whole = DenseSums(torch.zeros(3))  # Dice alone
    right, wrong = (float(whole.loss(whole.sums(each, truth), 2)) for each in (scores, false))
    assert right < 0.01
    each = [float(dense_losses(s, truth, torch.zeros(3))[0]) for s in (scores, false)]
    assert each[0] == each[1]  # image by image the first does not hear of it
    assert wrong > right + 0.4


def test_scores_of_large_cells_learn_what_lies_between_them():
    fine = torch.zeros(1, 2, 8, 8)
    fine[:, 0] = 1
    fine[:, 0, :, 3], fine[:, 1, :, 3] = 0, 1  # a line, on one side of its cell
    scores = torch.zeros(1, 2, 4, 4, requires_grad=True)
    whole = DenseSums(torch.ones(2))
    whole.loss(whole.sums(scores, fine), 1).backward()
    beside = scores.grad[0, 1].mean(0)
    assert beside[1] < beside[2] < beside[0]  # its own cell first, then the one it is nearer to


def test_shares_are_those_that_numpy_counts():
    masks = np.random.default_rng(0).choice([0, 1, 2, 255], (3, 8, 8)).astype(np.uint8)
    for stride in (1, 2, 4):
        wanted = np.stack([mask_shares(mask, 3, stride) for mask in masks]) / 255
        found = torch_shares(torch.from_numpy(masks), 3, stride).numpy()
        assert np.abs(found - wanted).max() < 0.003
