"""A fine-tuning starts from a head that was fitted on its own items and no others."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.training.start import Start, linear_start

COUNT, CLASSES = 120, 3


@pytest.fixture
def ground():
    """(vectors, targets): columns 2 to 5 tell the classes apart, the others are loud noise."""
    rng = np.random.default_rng(0)
    targets = np.arange(COUNT) % CLASSES
    vectors = rng.normal(0, 5, (COUNT, 8))
    vectors[:, 2:5] = np.eye(3)[targets] + rng.normal(0, 0.3, (COUNT, 3))
    return vectors.astype(np.float32), targets


COLUMNS = np.arange(2, 5)


def test_it_knows_the_classes_by_its_columns(ground):
    vectors, targets = ground
    head = linear_start(vectors, targets, np.arange(60), Start(COLUMNS, 1.0), n_classes=CLASSES)
    assert (head.kind, head.n_classes) == ("linear", CLASSES)
    assert head.columns.tolist() == [2, 3, 4]
    assert head.arrays["weights"].shape == (CLASSES, 3)
    assert (head.scores(vectors)[60:].argmax(1) == targets[60:]).mean() > 0.9


def test_other_items_are_not_looked_at(ground):
    vectors, targets = ground
    items = np.arange(1, COUNT, 2)
    first = linear_start(vectors, targets, items, Start(COLUMNS, 1.0), n_classes=CLASSES)
    vectors[::2], targets[::2] = 1000.0, 0
    again = linear_start(vectors, targets, items, Start(COLUMNS, 1.0), n_classes=CLASSES)
    for name, array in first.arrays.items():
        assert np.array_equal(again.arrays[name], array), name


def test_a_smaller_c_holds_the_weights_back(ground):
    vectors, targets = ground
    sizes = [
        np.linalg.norm(
            linear_start(vectors, targets, np.arange(COUNT), Start(COLUMNS, c), n_classes=CLASSES)
            .arrays["weights"]
        )
        for c in (1e-3, 1e-1, 10.0)
    ]  # fmt: skip
    assert sizes[0] < sizes[1] < sizes[2]


def test_balanced_the_rare_class_is_named_more_often(ground):
    vectors, targets = ground
    vectors[:, 2:5] += np.random.default_rng(1).normal(0, 1, (COUNT, 3))
    items = np.concatenate([np.flatnonzero(targets == 0)[:4], np.flatnonzero(targets > 0)])
    plain, balanced = (
        linear_start(vectors, targets, items, Start(COLUMNS, 1.0, weighed), n_classes=CLASSES)
        for weighed in (False, True)
    )
    named = [(head.scores(vectors).argmax(1) == 0).sum() for head in (plain, balanced)]
    assert named[0] < named[1]


def test_blank_it_says_the_same_of_everything(ground):
    vectors, targets = ground
    start = Start(COLUMNS, 1.0, blank=True)
    head = linear_start(vectors, targets, np.arange(9), start, n_classes=7)
    assert not head.scores(vectors).any()
    assert head.scores(vectors).shape == (COUNT, 7)
    assert head.columns.tolist() == [2, 3, 4]
