"""How classes are learnt: the loss against torch's own, and what mixing does to the targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from headstart.nets.batches.batch import Batch
from headstart.nets.heads.head import Head
from headstart.tasks.classification import learn
from headstart.training.schedule import Recipe

TARGETS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 3])  # nothing of class 2
OUTPUTS = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))


def loss_of(**recipe) -> torch.Tensor:
    made = learn.loss(Recipe(**{"label_smoothing": 0.0, **recipe}), TARGETS, n_classes=4)
    return made(OUTPUTS, torch.from_numpy(TARGETS))


def test_the_head_starts_as_what_was_fitted():
    rng = np.random.default_rng(0)
    arrays = {"weights": rng.normal(size=(4, 6)), "bias": rng.normal(size=4)}
    start = Head("linear", np.arange(6), {k: v.astype(np.float32) for k, v in arrays.items()}, 4)
    vectors = rng.normal(size=(5, 6)).astype(np.float32)
    with torch.no_grad():
        found = learn.head(6, 4, start)(torch.from_numpy(vectors)).numpy()
    assert found == pytest.approx(start.scores(vectors), abs=1e-5)
    assert learn.head(6, 4).out_features == 4


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_cross_entropy_of_each_image(smoothing):
    wanted = cross_entropy(
        OUTPUTS, torch.from_numpy(TARGETS), reduction="none", label_smoothing=smoothing
    )
    torch.testing.assert_close(loss_of(label_smoothing=smoothing), wanted)


def test_with_weights_every_class_there_is_weighs_the_same():
    shares = loss_of(balance="weights") / loss_of()
    assert shares.tolist() == pytest.approx([9 / (3 * 6)] * 6 + [9 / (3 * 2)] * 2 + [9 / 3])


def test_logit_adjustment_adds_the_log_of_how_often_a_class_is():
    prior = learn.log_prior(TARGETS, 4)
    assert prior[[0, 1, 3]] == pytest.approx(np.log([6 / 9, 2 / 9, 1 / 9]))
    assert -10 < prior[2] < prior[3], "a class without an image is rarer than any, not impossible"
    wanted = cross_entropy(
        OUTPUTS + torch.from_numpy(prior).float(), torch.from_numpy(TARGETS), reduction="none"
    )
    torch.testing.assert_close(loss_of(balance="logits"), wanted)


def test_shares_of_classes_are_targets_too():
    targets = torch.from_numpy(TARGETS)
    made = learn.loss(Recipe(balance="weights"), TARGETS, n_classes=4)
    soft = one_hot(targets, 4).float()
    torch.testing.assert_close(made(OUTPUTS, soft), made(OUTPUTS, targets))
    best = OUTPUTS.argmax(1)
    assert learn.correct(OUTPUTS, best)["accuracy"].all()
    half = 0.6 * one_hot(best, 4) + 0.4 * one_hot((best + 1) % 4, 4)
    assert learn.correct(OUTPUTS, half)["accuracy"].all()
    assert not learn.correct(OUTPUTS, half.roll(1, 1))["accuracy"].any()


def test_a_batch_has_the_classes_of_its_items_and_balances_them():
    plan = learn.batches(TARGETS, Recipe(batch=6, balance="oversample"), 3, n_classes=4)
    items = [key[0] for batch in plan.epoch(0) for key in batch]
    assert np.bincount(TARGETS[items], minlength=4).tolist() == [6, 6, 0, 6]
    assert plan.targets.collate(np.array([8, 0]), [None, None]).tolist() == [3, 0]
    assert plan.targets.mix is None
    plain = learn.batches(TARGETS, Recipe(batch=3), 3, n_classes=4)
    assert sorted(key[0] for batch in plain.epoch(0) for key in batch) == list(range(9))


def test_mixed_images_are_of_each_class_as_far_as_they_show_it():
    mix = learn.batches(TARGETS, Recipe(mixup=1.0), 0, n_classes=4).targets.mix
    classes = torch.tensor([0, 1, 1, 3])
    images = (60 * classes).to(torch.uint8).view(4, 1, 1, 1).expand(4, 20, 20, 3)
    batch = Batch(images, np.arange(4), classes)
    before, seen = torch.get_rng_state(), set()
    for step in range(8):
        mixed = mix(batch, (0, step))
        shown = mixed.images.mean((1, 2, 3))
        torch.testing.assert_close(shown, mixed.targets @ torch.tensor([0.0, 60, 120, 180]))
        torch.testing.assert_close(mixed.targets.sum(1), torch.ones(4))
        assert torch.equal(mix(batch, (0, step)).images, mixed.images)
        seen.add(tuple(shown.tolist()))
    assert len(seen) > 4
    assert torch.equal(torch.get_rng_state(), before)
    one = Batch(images[:1], np.arange(1), classes[:1])
    assert mix(one, (0, 0)) is one
