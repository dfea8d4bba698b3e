"""What training images look like, and how far held-out ones are from them."""

from __future__ import annotations

import numpy as np

from headstart.nets.heads.unlike import NEAREST
from headstart.probe.familiar import (
    calibrated_unlike,
    fit_unlike,
    held_out_distances,
    plain_is_better,
)

WIDTH = 200
COLUMNS = np.arange(20, WIDTH)


def clouds(n: int, classes: int = 4, seed: int = 0, shift: float = 0.0):
    """Vectors of classes, spread mostly along a few directions, and of a class of its own."""
    rng = np.random.default_rng(99)
    means = np.abs(rng.normal(size=(classes + 1, WIDTH)))
    basis = rng.normal(size=(8, WIDTH))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    own = np.full(n, classes) if shift else targets
    x = means[own] + rng.normal(size=(n, 8)) @ basis / 6 + rng.normal(size=(n, WIDTH)) / 8
    return np.abs(x).astype(np.float32), targets


def test_one_in_twenty_of_new_images_is_unlike_and_another_class_is():
    x, y = clouds(900)
    unlike = calibrated_unlike(x, y, np.arange(len(y)), COLUMNS)
    new = unlike.distances(clouds(2000, seed=1)[0])
    other = unlike.distances(clouds(300, seed=2, shift=1)[0])
    assert 0.03 <= (new > 1).mean() <= 0.07
    assert (other > 1).mean() > 0.9
    assert unlike.axes.shape == (64, len(COLUMNS))
    np.testing.assert_allclose(unlike.axes @ unlike.axes.T, np.eye(64), atol=1e-4)


def along_the_spread(n: int, classes: int, seed: int, new: bool = False):
    """Classes that lie apart along the very directions in which each of them varies most."""
    rng = np.random.default_rng(5)
    basis = np.linalg.qr(rng.normal(size=(WIDTH, 8)))[0].T
    means = 6 * rng.normal(size=(classes + 1, 8))
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    own = np.full(n, classes) if new else targets
    x = 3 + (means[own] + 2 * rng.normal(size=(n, 8))) @ basis + rng.normal(size=(n, WIDTH)) / 4
    return x.astype(np.float32), targets


def test_the_distance_is_the_one_that_tells_classes_which_are_left_out():
    x, y = along_the_spread(300, 6, 0)
    assert plain_is_better(x, y, np.arange(300), COLUMNS)
    unlike = calibrated_unlike(x, y, np.arange(300), COLUMNS)
    assert not unlike.rooted
    assert not len(unlike.axes)
    other = unlike.distances(along_the_spread(200, 6, 1, new=True)[0])
    assert (other > 1).mean() > 0.9
    assert 0.02 <= (unlike.distances(along_the_spread(900, 6, 2)[0]) > 1).mean() <= 0.09
    with_axes = calibrated_unlike(x, y, np.arange(300), COLUMNS, others=x)
    assert with_axes.rooted, "a network that learnt from them can leave none of them out"


def test_where_nothing_can_be_left_out_or_nothing_is_better_the_covariance_counts():
    x, y = clouds(300)
    assert not plain_is_better(x, y, np.arange(300), COLUMNS)
    assert not plain_is_better(x, np.zeros(300, int), np.arange(300), COLUMNS)
    assert not plain_is_better(x, y, np.zeros(300, int), COLUMNS)


def test_columns_that_are_not_read_do_not_matter():
    x, y = clouds(200)
    there = calibrated_unlike(x, y, np.arange(len(y)), COLUMNS).distances(x)
    x[:, :20] += 100
    again = calibrated_unlike(x, y, np.arange(len(y)), COLUMNS).distances(x)
    assert there.tolist() == again.tolist()


def test_copies_do_not_say_how_far_new_images_are():
    x, y = clouds(60)
    copies, clusters = np.repeat(x, 3, axis=0), np.repeat(np.arange(60), 3)
    apart = held_out_distances(copies, np.repeat(y, 3), clusters, COLUMNS)
    fooled = held_out_distances(copies, np.repeat(y, 3), np.arange(180), COLUMNS)
    assert np.median(apart) > 1.1 * np.median(fooled)


def test_other_images_say_how_far_where_the_network_knows_the_first():
    x, y = clouds(200)
    far = clouds(200, seed=3, shift=1)[0]
    unlike = calibrated_unlike(x, y, np.arange(len(y)), COLUMNS, others=far)
    assert 0.02 <= (unlike.distances(far) > 1).mean() <= 0.05


def test_few_images_one_class_and_constant_vectors_are_no_trouble():
    x, y = clouds(6)
    for vectors, targets in ((x, np.zeros(6, int)), (np.zeros_like(x), y), (x[:2], y[:2])):
        unlike = calibrated_unlike(vectors, targets, np.arange(len(targets)), COLUMNS)
        assert np.isfinite(unlike.distances(vectors)).all()


def test_many_images_give_about_the_axes_of_all_of_them():
    x, y = clouds(600)
    unlike = fit_unlike(x, y, COLUMNS)
    other = fit_unlike(x, y, COLUMNS[:100])  # narrow: decomposed exactly
    assert len(other.axes) == 64
    near, far = clouds(300, seed=1)[0], clouds(300, seed=2, shift=1)[0]
    further = unlike.distances(far)[:, None] > unlike.distances(near)
    assert further.mean() > 0.95


def test_a_network_that_gives_all_images_one_vector_calls_none_of_them_unlike():
    rng = np.random.default_rng(3)
    vectors = 1 + 1e-6 * rng.normal(size=(60, 12)).astype(np.float32)
    unlike = calibrated_unlike(vectors, np.arange(60) % 2, np.arange(60), np.arange(12))
    found = unlike.distances(1 + 1e-5 * rng.normal(size=(20, 12)).astype(np.float32))
    assert (found == np.float32(NEAREST)).all(), "what single precision cannot tell is not told"
