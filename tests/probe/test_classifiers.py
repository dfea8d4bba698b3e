"""The classifiers of a probe, held to scikit-learn's and to each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.probe.vectors import even, vectors_of

from headstart.nets.heads.head import softmax, unit_rows
from headstart.probe.classifiers import (
    Config,
    fit_head,
    held_out_scores,
    item_weights,
    make_space,
    one_blas_thread,
)

ALL = np.arange(28)
KINDS = ["logistic", "svm", "neighbours", "prototypes"]


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_sample_weight

    targets = np.array([0] * 10 + [1] * 3 + [2] * 7)
    included = np.ones((2, 20), bool)
    included[1, :5] = False
    included[1, 10:13] = False  # class 1 is gone from the second
    weights = item_weights(included, targets, balanced=True)
    for row, mask in zip(weights, included, strict=True):
        np.testing.assert_allclose(
            row[mask], compute_sample_weight("balanced", targets[mask]), rtol=1e-5
        )
        assert (row[~mask] == 0).all()
    plain = item_weights(included, targets, balanced=False)
    np.testing.assert_array_equal(plain, included.astype(np.float32))


@pytest.mark.parametrize("k", [1, 3, 7, 500])
def test_neighbours_are_scikit_learns(k):
    from sklearn.neighbors import KNeighborsClassifier

    targets = even(80, 4)
    vectors = vectors_of(targets)
    columns = np.arange(28)
    space = make_space(vectors, columns)
    head = fit_head(Config("neighbours", "all", k), space, vectors, targets, n_classes=4)
    standard = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    theirs = KNeighborsClassifier(
        n_neighbors=min(k, 80), metric="cosine", weights=lambda d: np.exp(-d / 0.07)
    ).fit(standard, targets)
    new = vectors_of(even(60, 4), seed=3)
    expected = theirs.predict((new - vectors.mean(axis=0)) / vectors.std(axis=0))
    assert (head.scores(new).argmax(axis=1) == expected).mean() > 0.98


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
@pytest.mark.parametrize("columns", [np.arange(28), np.array([20, 3, 4, 27])])
def test_a_head_scores_as_its_space_does(kind, columns):
    """`held_out_scores` and `Head.scores` are two ways to one answer."""
    targets = even(60)
    vectors = vectors_of(targets)
    space = make_space(vectors, columns)
    config = Config(kind, "some", 3)
    weights = np.ones((1, 60), np.float32)
    weights[0, 50:] = 0
    held = held_out_scores(
        kind, space, targets, n_classes=3, weights=weights, strengths=np.array([3.0])
    )[0, 50:]
    # The same space, but only the first items to learn from.
    part = dataclasses.replace(space, coordinates=space.coordinates[:50])
    head = fit_head(config, part, vectors[:50], targets[:50], n_classes=3)
    np.testing.assert_allclose(head.scores(vectors[50:]), held, atol=0.15)  # solved less exactly


def test_wide_features_are_fitted_in_all_axes(monkeypatch):
    from headstart.probe import axes

    monkeypatch.setattr(axes, "_ALL_UP_TO", 10)
    monkeypatch.setattr(axes, "_LEADING", 6)
    targets = even(90)
    vectors = vectors_of(targets)
    columns = np.arange(28)
    config = Config("logistic", "all", 10)
    narrow = make_space(vectors, columns)
    assert narrow.coordinates.shape == (90, 7)
    head = fit_head(config, narrow, vectors, targets, n_classes=3)
    monkeypatch.undo()
    whole = make_space(vectors, columns)
    exact = fit_head(config, whole, vectors, targets, n_classes=3)
    np.testing.assert_allclose(head.scores(vectors), exact.scores(vectors), atol=0.05)


def fitted(kind: str, targets: np.ndarray, vectors: np.ndarray, strength: float = 3, **how):
    space = make_space(vectors, how.pop("columns", ALL))
    classes = how.pop("n_classes", int(targets.max()) + 1)
    balanced = how.pop("balanced", False)
    config = Config(kind, "all", strength, balanced)
    return fit_head(config, space, vectors, targets, n_classes=classes, **how)


def standard(vectors: np.ndarray) -> np.ndarray:
    spread = vectors.std(axis=0)
    return (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)


@pytest.mark.parametrize("strength", [0.1, 1, 10])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_regression_is_scikit_learns(strength, balanced):
    from sklearn.linear_model import LogisticRegression

    targets = np.repeat([0, 1, 2], [60, 25, 15])
    vectors = vectors_of(targets, signal=0.6)
    head = fitted("logistic", targets, vectors, strength, balanced=balanced)
    space = make_space(vectors, ALL)
    theirs = LogisticRegression(
        C=strength, class_weight="balanced" if balanced else None, tol=1e-6, max_iter=1000
    ).fit(space.coordinates[:, :-1], targets)
    ours, wanted = softmax(head.scores(vectors)), theirs.predict_proba(space.coordinates[:, :-1])
    assert (ours.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.97
    assert np.abs(ours - wanted).max() < 0.08


def test_prototypes_are_cosines_to_scikit_learns_centroids():
    from sklearn.metrics.pairwise import cosine_similarity
    from sklearn.neighbors import NearestCentroid

    targets = even(90)
    vectors, new = vectors_of(targets), vectors_of(even(60), seed=5)
    head = fitted("prototypes", targets, vectors)
    theirs = NearestCentroid().fit(unit_rows(standard(vectors)), targets)
    moved = unit_rows((new - vectors.mean(axis=0)) / vectors.std(axis=0))
    assert np.allclose(
        head.scores(new), 10 * cosine_similarity(moved, theirs.centroids_), atol=1e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_scale_and_shift_of_features_do_not_count(kind):
    targets = even(90)
    vectors = vectors_of(targets)
    rng = np.random.default_rng(0)
    moved = (vectors * rng.uniform(0.5, 20, 28) + rng.normal(0, 5, 28)).astype(np.float32)
    one, other = (fitted(kind, targets, x).scores(x) for x in (vectors, moved))
    assert np.allclose(one, other, atol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_that_never_changes_is_no_trouble(kind):
    targets = even(60)
    vectors = vectors_of(targets)
    vectors[:, [2, 20]] = 7.0
    scores = fitted(kind, targets, vectors).scores(vectors)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == targets).mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_without_items_wins_nowhere(kind):
    targets = even(60)
    vectors = vectors_of(targets)
    head = fitted(kind, targets, vectors, n_classes=5)
    scores = head.scores(vectors_of(targets, seed=2))
    assert scores.shape == (60, 5)
    assert set(scores.argmax(axis=1)) <= {0, 1, 2}


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_items_for_training_are_learnt_from(kind):
    targets = even(90)
    vectors = vectors_of(targets)
    items = np.flatnonzero(np.arange(90) % 4)
    space = make_space(vectors[items], ALL)
    config = Config(kind, "all", 3)
    some = fit_head(config, space, vectors, targets, n_classes=3, items=items)
    garbage, wrong = vectors.copy(), targets.copy()
    garbage[::4], wrong[::4] = 99, 0
    again = fit_head(config, space, garbage, wrong, n_classes=3, items=items)
    alone = fit_head(config, space, vectors[items], targets[items], n_classes=3)
    assert np.allclose(some.scores(vectors), again.scores(vectors), atol=1e-4)
    assert np.allclose(some.scores(vectors), alone.scores(vectors), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_items_do_not_matter(kind):
    targets = even(60)
    vectors = vectors_of(targets)
    space = make_space(vectors, ALL)
    weights = np.ones((2, 60), np.float32)
    weights[0, :20] = 0
    weights[1, 40:] = 0
    how = {"n_classes": 3, "weights": weights, "strengths": np.array([3.0, 1.0])}
    first = held_out_scores(kind, space, targets, **how)
    other = targets.copy()
    other[:20] = 0
    second = held_out_scores(kind, space, other, **how)
    assert np.allclose(first[0, :20], second[0, :20], atol=1e-5)
    assert first.shape == (2, 60, 3)


def test_problems_that_hold_out_the_same_differ_in_k_only():
    targets = even(60)
    space = make_space(vectors_of(targets), ALL)
    weights = np.ones((3, 60), np.float32)
    weights[:, 50:] = 0
    together = held_out_scores(
        "neighbours", space, targets, n_classes=3, weights=weights, strengths=np.array([1, 5, 3])
    )
    for at, k in enumerate((1, 5, 3)):
        alone = held_out_scores(
            "neighbours", space, targets, n_classes=3, weights=weights[:1], strengths=np.array([k])
        )
        assert np.array_equal(together[at, 50:], alone[0, 50:])


def test_weights_of_one_class_and_of_none_left():
    targets = np.array([0, 0, 1, 1])
    included = np.array([[True, True, False, False], [False, False, False, True]])
    weights = item_weights(included, targets, balanced=True)
    assert weights.tolist() == [[1, 1, 0, 0], [0, 0, 0, 1]]


def test_columns_in_any_order_and_type():
    targets = even(60)
    vectors = vectors_of(targets)
    columns = np.array([27, 16, 20])
    head = fitted("logistic", targets, vectors.astype(np.float64), columns=columns)
    assert head.columns.tolist() == [27, 16, 20]
    assert head.arrays["weights"].shape == (3, 3)
    assert head.arrays["weights"].dtype == np.float32
    assert np.allclose(make_space(vectors, columns).axes.mean, vectors[:, columns].mean(axis=0),
                       atol=1e-5)  # fmt: skip


def test_one_thread_inside_and_as_before_afterwards():
    from threadpoolctl import threadpool_info

    def threads() -> list[int]:
        return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]

    before = threads()
    with one_blas_thread():
        assert set(threads()) <= {1}
    assert threads() == before
