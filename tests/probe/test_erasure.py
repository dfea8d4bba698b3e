import numpy as np
import pytest

from headstart.probe.erasure import fit_erasure


def drawn(seed, count=600, width=20):
    """Coordinates whose first axis shows the attribute, the second a class, mixed by a rotation."""
    rng = np.random.default_rng(seed)
    has, own = rng.integers(0, 2, count), rng.integers(0, 2, count)
    x = rng.normal(size=(count, width))
    x[:, 0] += 2.5 * has
    x[:, 1] += 2.5 * own
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))
    return np.hstack([x @ turn, np.ones((count, 1))]).astype(np.float32), has, own


def told(x, by):
    """How well a linear least-squares classifier tells a mask."""
    design = x.astype(float)
    weights, *_ = np.linalg.lstsq(design, 2.0 * by - 1, rcond=None)
    return ((design @ weights > 0) == by).mean()


def test_the_attribute_is_gone_and_the_class_stays():
    pool, has, _ = drawn(1)
    erasure = fit_erasure(pool, has)
    x, has, own = drawn(2)
    erased = erasure.apply(x)
    assert told(x, has) > 0.85
    assert told(erased, has) < 0.62
    assert told(erased, own) > 0.85
    assert (erased[:, -1] == 1).all()


def test_a_classifier_of_erased_vectors_folds_into_one_of_plain_ones():
    pool, has, _ = drawn(1)
    erasure = fit_erasure(pool, has)
    x, *_ = drawn(3)
    weights = np.random.default_rng(0).normal(size=(3, 21)).astype(np.float32)
    assert x @ erasure.fold(weights).T == pytest.approx(erasure.apply(x) @ weights.T, abs=1e-4)


def test_several_values_are_erased_and_a_small_pool_is_shrunk():
    rng = np.random.default_rng(4)
    values = rng.integers(0, 3, 30)
    pool = np.hstack([rng.normal(size=(30, 100)), np.ones((30, 1))]).astype(np.float32)
    pool[:, 0] += 6 * (values == 1)
    pool[:, 1] += 6 * (values == 2)
    erased = fit_erasure(pool, values).apply(pool)
    assert np.isfinite(erased).all()
    means = np.stack([erased[values == each, :2].mean(axis=0) for each in range(3)])
    assert np.ptp(means, axis=0).max() < 2.5
    assert np.abs(erased[:, :-1]).max() < 20
