"""Heads: classifiers as plain arrays, held to scikit-learn where it has the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headstart.nets.heads.head import Head, nearest, neighbour_scores, softmax, unit_rows

RNG = np.random.default_rng(0)
FLOATS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)),
                elements=st.floats(-1e6, 1e6))  # fmt: skip


def vectors(count: int = 30, width: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def head(kind: str, columns: np.ndarray, *, k: int = 3, projection: np.ndarray | None = None):
    """A head of four classes with arrays from a seed."""
    rng = np.random.default_rng(5)
    width = len(columns) if projection is None else len(projection)
    if kind == "linear":
        given = {"weights": rng.normal(size=(4, width)), "bias": rng.normal(size=4)}
    else:
        given = {"mean": rng.normal(size=width), "scale": rng.uniform(0.5, 2, width)}
        if kind == "prototypes":
            given["prototypes"] = unit_rows(rng.normal(size=(4, width)))
        else:
            given["memory"] = unit_rows(rng.normal(size=(40, width)))
            given["labels"] = np.arange(40) % 4
    if projection is not None:
        given["projection"] = projection
    made = {name: each.astype(np.float32 if each.dtype.kind == "f" else np.int64)
            for name, each in given.items()}  # fmt: skip
    return Head(kind, columns, made, 4, k=k if kind == "neighbours" else 0)


# --- pieces -------------------------------------------------------------------------------------


@given(FLOATS)
def test_rows_have_length_one_and_their_direction(x):
    got = unit_rows(x)
    lengths = np.linalg.norm(x, axis=1)
    sound = lengths > 1e-6
    assert np.allclose(np.linalg.norm(got[sound], axis=1), 1)
    assert np.allclose(got[sound] * lengths[sound, None], x[sound], rtol=1e-6)
    assert not got[~x.any(axis=1)].any()


@given(FLOATS, st.integers(1, 8))
def test_the_nearest_are_the_largest_in_order(similarity, k):
    found, cosines = nearest(similarity, k=k)
    k = min(k, similarity.shape[1])
    assert found.shape == cosines.shape == (len(similarity), k)
    assert np.array_equal(cosines, -np.sort(-similarity, axis=1)[:, :k])
    assert np.array_equal(np.take_along_axis(similarity, found, axis=1), cosines)
    assert all(len(set(row)) == k for row in found.tolist())


@given(FLOATS)
def test_softmax_is_scipys(scores):
    from scipy.special import softmax as wanted

    got = softmax(scores)
    assert np.allclose(got, wanted(scores, axis=1))
    assert np.allclose(got.sum(axis=1), 1)


def test_softmax_of_large_scores():
    assert softmax(np.array([[1e4, 0.0], [-1e4, -1e4]])).tolist() == [[1, 0], [0.5, 0.5]]
    assert softmax(np.zeros((0, 3))).shape == (0, 3)


def test_votes_by_hand():
    labels = np.array([[1, 0, 1]])
    cosines = np.array([[0.9, 0.83, 0.83]])
    vote = np.exp(-1.0)  # 0.07 less similar
    total = 1 + 2 * vote + 0.03
    wanted = np.log(np.array([vote + 0.01, 1 + vote + 0.01, 0.01]) / total)
    assert neighbour_scores(labels, cosines, n_classes=3)[0] == pytest.approx(wanted, abs=1e-6)


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 10**6))
def test_votes_are_shares(k, classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, (7, k))
    cosines = -np.sort(-rng.uniform(-1, 1, (7, k)), axis=1)
    scores = neighbour_scores(labels, cosines, n_classes=classes)
    assert scores.dtype == np.float32
    assert np.exp(scores).sum(axis=1) == pytest.approx(np.ones(7), rel=1e-5)
    voted = np.zeros((7, classes), bool)
    voted[np.arange(7)[:, None], labels] = True
    assert np.isfinite(scores).all()
    # Who got no vote never beats who got the strongest.
    assert (np.where(voted, -np.inf, scores).max(axis=1) < scores.max(axis=1) + 1e-9).all()


def test_one_neighbour_decides_alone():
    labels = np.array([[2], [0]])
    scores = neighbour_scores(labels, np.array([[0.1], [-0.9]]), n_classes=3)
    assert scores.argmax(axis=1).tolist() == [2, 0]
    assert scores[0].max() == pytest.approx(scores[1].max())


# --- heads --------------------------------------------------------------------------------------


def test_linear_scores_are_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    x, labels = vectors(60), np.arange(60) % 3
    model = LogisticRegression().fit(x, labels)
    given = {"weights": model.coef_.astype(np.float32), "bias": model.intercept_.astype(np.float32)}
    found = Head("linear", np.arange(8), given, 3).scores(x)
    assert np.allclose(found, model.decision_function(x), atol=1e-4)
    assert np.allclose(softmax(found), model.predict_proba(x), atol=1e-4)


def test_prototypes_are_the_nearest_centroid_by_cosine():
    from sklearn.metrics.pairwise import cosine_similarity

    made = head("prototypes", np.arange(8))
    x = vectors()
    scaled = (x - made.arrays["mean"]) * made.arrays["scale"]
    wanted = 10 * cosine_similarity(scaled, made.arrays["prototypes"])
    assert np.allclose(made.scores(x), wanted, atol=1e-4)


@pytest.mark.parametrize("k", [1, 3, 40, 100])
def test_neighbours_vote_as_brute_force_says(k):
    made = head("neighbours", np.arange(8), k=k)
    x = vectors(5)
    scaled = unit_rows((x - made.arrays["mean"]) * made.arrays["scale"])
    found = made.scores(x)
    for row, scores in zip(scaled, found, strict=True):
        cosines = made.arrays["memory"] @ row
        order = np.argsort(-cosines)[:k]
        votes = np.zeros(4)
        for at in order:
            votes[made.arrays["labels"][at]] += np.exp((cosines[at] - cosines[order[0]]) / 0.07)
        wanted = np.log((votes + 0.01) / (votes.sum() + 0.04))
        assert scores == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("kind", ["linear", "prototypes", "neighbours"])
def test_only_its_columns_are_read_in_their_order(kind):
    columns = np.array([6, 0, 3])
    made = head(kind, columns)
    x = vectors()
    other = x.copy()
    other[:, [1, 2, 4, 5, 7]] = np.nan
    assert np.array_equal(made.scores(x), made.scores(other))
    assert not np.allclose(made.scores(x), made.scores(x[:, ::-1]))


@pytest.mark.parametrize("kind", ["prototypes", "neighbours"])
def test_a_projection_comes_first(kind):
    columns = np.arange(6)
    projection = RNG.normal(size=(4, 6)).astype(np.float32)
    projected = head(kind, columns, projection=projection)
    plain = Head(kind, np.arange(4), projected.arrays.copy(), 4, k=projected.k)
    del plain.arrays["projection"]
    x = vectors(9)
    assert np.allclose(projected.scores(x), plain.scores(x[:, :6] @ projection.T), atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "prototypes", "neighbours"])
def test_of_one_and_of_none(kind):
    made = head(kind, np.arange(8))
    x = vectors(6)
    together = made.scores(x)
    assert together.shape == (6, 4)
    for at in range(6):
        assert np.allclose(made.scores(x[at : at + 1])[0], together[at], atol=1e-5)
    assert made.scores(x[:0]).shape == (0, 4)


@pytest.mark.parametrize("kind", ["prototypes", "neighbours"])
def test_length_does_not_count_after_centring(kind):
    made = head(kind, np.arange(8))
    x = vectors(6)
    further = made.arrays["mean"] + 3 * (x - made.arrays["mean"])
    assert np.allclose(made.scores(x), made.scores(further), atol=1e-4)


def test_what_json_keeps():
    made = head("neighbours", np.arange(8), k=7)
    assert json.loads(json.dumps(made.meta())) == {"kind": "neighbours", "n_classes": 4, "k": 7}
