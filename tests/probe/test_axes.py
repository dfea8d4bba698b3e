"""Principal axes are a rotation: nothing is lost, whatever the shape of the features."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.probe import axes as module
from headstart.probe.axes import principal_axes


def features(n: int, width: int, seed: int = 0) -> np.ndarray:
    """Correlated features of very different scales, as networks give them."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, min(n, width))) * np.linspace(3, 0.05, min(n, width))
    mixed = hidden @ rng.normal(size=(min(n, width), width)) + 0.01 * rng.normal(size=(n, width))
    return (mixed * np.exp(rng.normal(size=width)) + rng.normal(size=width)).astype(np.float32)


def standardised(x: np.ndarray) -> np.ndarray:
    deviation = x.std(axis=0, dtype=np.float64)
    alive = deviation > 0
    scale = np.where(alive, 1 / np.where(alive, deviation, 1), 0) / np.sqrt(alive.sum())
    return (x - x.mean(axis=0, dtype=np.float64)) * scale


def distances(x: np.ndarray) -> np.ndarray:
    products = x @ x.T
    lengths = np.diag(products)
    return np.sqrt(np.maximum(lengths[:, None] + lengths - 2 * products, 0))


SHAPES = [(200, 30), (40, 300), (50, 50), (2, 10), (3, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_distances_and_lengths_are_kept(shape):
    x = features(*shape)
    axes = principal_axes(x)
    coordinates = axes.rotate(x).astype(np.float64)
    assert axes.axes.shape[1] <= min(shape[0] - 1, shape[1])
    assert (coordinates[:, -1] == 1).all()
    expected = standardised(x)
    np.testing.assert_allclose(distances(coordinates), distances(expected), atol=5e-3)
    assert np.mean(np.sum(coordinates[:, :-1] ** 2, axis=1)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_axes_diagonalise(shape):
    x = features(*shape)
    axes = principal_axes(x)
    coordinates = axes.rotate(x)[:, :-1]
    moments = coordinates.T @ coordinates / len(x)
    np.testing.assert_allclose(np.diag(moments), axes.variances, atol=1e-4)
    np.testing.assert_allclose(moments, np.diag(np.diag(moments)), atol=1e-4)
    assert (np.diff(axes.variances) <= 1e-6).all()


def test_axes_are_orthonormal_where_there_are_more_items_than_features():
    axes = principal_axes(features(200, 30)).axes
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_unrotated_classifiers_give_the_same_scores(shape):
    x = features(*shape)
    axes = principal_axes(x)
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(4, axes.axes.shape[1])).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    raw, raw_bias = axes.unrotate(weights, bias)
    assert raw.dtype == raw_bias.dtype == np.float32
    new = features(20, shape[1], seed=2)
    expected = axes.rotate(new) @ np.column_stack((weights, bias)).T
    np.testing.assert_allclose(new @ raw.T + raw_bias, expected, rtol=1e-2, atol=2e-2)


def test_constant_and_duplicated_features():
    x = features(100, 10)
    x[:, 3] = 7
    x = np.column_stack((x, x[:, 0], np.zeros(100, np.float32))).astype(np.float32)
    axes = principal_axes(x)
    assert (axes.gain[[3, 11]] == 0).all()
    assert axes.axes.shape[1] == 9  # two are constant, one is a copy
    assert axes.variances.sum() == pytest.approx(1, abs=1e-4)
    raw, _ = axes.unrotate(np.ones((1, 9), np.float32), np.zeros(1, np.float32))
    assert (raw[:, [3, 11]] == 0).all()
    changed = x.copy()
    changed[:, 3] = 1000  # constant while learning, so it must count for nothing
    np.testing.assert_array_equal(axes.rotate(changed), axes.rotate(x))


def test_all_features_constant():
    axes = principal_axes(np.full((5, 8), 3, np.float32))
    assert axes.rotate(np.full((2, 8), 4, np.float32)).tolist() == [[1], [1]]


def test_scale_of_the_features_does_not_matter():
    x = features(80, 20)
    one, other = principal_axes(x), principal_axes(x * 1000)
    np.testing.assert_allclose(other.variances, one.variances, atol=1e-4)
    far = principal_axes(x + 100)  # a large mean must not drown the differences
    np.testing.assert_allclose(far.variances, one.variances, atol=1e-3)


def test_rotation_goes_in_blocks(monkeypatch):
    x = features(100, 8)
    axes = principal_axes(x)
    whole = axes.rotate(x)
    monkeypatch.setattr(module, "_BLOCK", 33)
    np.testing.assert_allclose(axes.rotate(x), whole, atol=1e-6)


# --- wide features: the leading axes and what they leave over -----------------------------------


@pytest.fixture(params=[(300, 120), (120, 300)], ids=["tall", "wide"])
def wide(request, monkeypatch) -> np.ndarray:
    monkeypatch.setattr(module, "_ALL_UP_TO", 50)
    monkeypatch.setattr(module, "_LEADING", 20)
    return features(*request.param)


def test_leading_axes_are_the_leading_ones(wide):
    axes = principal_axes(wide)
    exact = np.linalg.svd(standardised(wide), compute_uv=False) ** 2 / len(wide)
    assert axes.axes.shape[1] == 20
    np.testing.assert_allclose(axes.variances[:10], exact[:10], rtol=0.05)
    left = axes.rest * wide.shape[1]
    assert left == pytest.approx(1 - axes.variances.sum(), abs=1e-3)
    assert left > 0


def test_with_the_rest_nothing_is_lost(wide):
    axes = principal_axes(wide)
    coordinates = axes.rotate(wide, rest=True).astype(np.float64)
    assert coordinates.shape[1] == len(axes.moments(rest=True)) + 1
    np.testing.assert_allclose(distances(coordinates), distances(standardised(wide)), atol=5e-3)
    shorter = axes.rotate(wide)
    assert shorter.shape[1] == len(axes.moments()) + 1 == 21
    np.testing.assert_allclose(coordinates[:, :20], shorter[:, :-1], atol=1e-6)


def test_unrotating_with_the_rest(wide):
    axes = principal_axes(wide)
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(4, len(axes.moments(rest=True)))).astype(np.float32)
    bias = rng.normal(size=4).astype(np.float32)
    raw, raw_bias = axes.unrotate(weights, bias)
    expected = axes.rotate(wide, rest=True) @ np.column_stack((weights, bias)).T
    np.testing.assert_allclose(wide @ raw.T + raw_bias, expected, rtol=1e-2, atol=2e-2)


@pytest.mark.parametrize("alike", [0, 1e-7, 1], ids=["the same twice", "nearly", "apart"])
def test_a_basis_is_orthonormal_and_spans_the_same(alike):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 6)) * [100, 10, 1, 1, 0.1, 1]
    columns[:, 5] = columns[:, 3] + alike * columns[:, 5]
    columns = columns.astype(np.float32)
    basis = module._orthonormal(columns)
    assert basis.dtype == np.float32
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-5)
    np.testing.assert_allclose(basis @ (basis.T @ columns), columns, atol=1e-3)


def test_reflections_are_for_columns_that_nearly_depend_on_each_other(monkeypatch):
    def refused(columns):
        raise AssertionError("slow")

    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 6)).astype(np.float32)
    monkeypatch.setattr(np.linalg, "qr", refused)
    module._orthonormal(columns)
    with pytest.raises(AssertionError, match="slow"):
        module._orthonormal(columns[:, [0, 1, 1]])
