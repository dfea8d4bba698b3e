"""The batched solver finds what scikit-learn and SciPy find, one problem at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from headstart.probe import linear as module
from headstart.probe.axes import principal_axes
from headstart.probe.linear import Problems, solve

STRENGTHS = (0.3, 30.0)


@pytest.fixture(autouse=True)
def one_thread():
    """The products are tiny: threads would only wait for each other."""
    with threadpool_limits(1):
        yield


def sample(n: int, width: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that overlap, so that the answer is not at infinity."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    centres = rng.normal(size=(classes, width))
    x = 1.2 * centres[targets] / np.sqrt(width) * 3 + rng.normal(size=(n, width))
    return x.astype(np.float32), rng.permutation(targets) if classes == 1 else targets


def objective(
    loss: str,
    w: np.ndarray,
    x: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    strength: float,
) -> float:
    """The docstring of `solve`, in double precision."""
    w, x, weights = w.astype(np.float64), x.astype(np.float64), weights.astype(np.float64)
    scores = x @ w.T
    if loss == "logistic":
        top = scores.max(axis=1)
        losses = np.log(np.exp(scores - top[:, None]).sum(axis=1)) + top
        losses = losses - scores[np.arange(len(x)), targets]
    else:
        signs = 2.0 * (targets[:, None] == np.arange(len(w))) - 1
        losses = (np.maximum(1 - signs * scores, 0) ** 2).sum(axis=1)
    penalty = (w[:, :-1] ** 2).sum() / (2 * strength * weights.sum())
    return float((losses * weights).sum() / weights.sum() + penalty)


def best_hinge(
    x: np.ndarray, targets: np.ndarray, weights: np.ndarray, strength: float, classes: int
):
    """One-vs-rest squared hinge with a free bias, each class by SciPy in double precision.

    LinearSVC regularises its bias, so it answers a slightly different question.
    """
    x, share = x.astype(np.float64), weights / weights.sum()
    rows = []
    for label in range(classes):
        signs = np.where(targets == label, 1.0, -1.0)

        def value(w: np.ndarray, signs: np.ndarray = signs) -> tuple[float, np.ndarray]:
            gap = np.maximum(1 - signs * (x @ w), 0)
            flat = np.append(w[:-1], 0) / (strength * weights.sum())
            return share @ gap**2 + 0.5 * w @ flat, -2 * (share * gap * signs) @ x + flat

        found = minimize(value, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B",
                         options={"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9})  # fmt: skip
        rows.append(found.x)
    return np.array(rows)


def reference(loss, coordinates, targets, weights, strength, classes) -> np.ndarray:
    """(C, r + 1) weights by an independent solver."""
    if loss == "svm":
        return best_hinge(coordinates, targets, weights, strength, classes)
    model = LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    x = coordinates[:, :-1].astype(np.float64)
    model.fit(x, targets, sample_weight=weights)
    if classes == 2:  # scikit-learn's binary model is sigmoid of one score
        # Softmax over (-w/2, w/2) has half the penalty of one w: twice the C compares.
        model.set_params(C=strength * 2).fit(x, targets, sample_weight=weights)
        row = np.append(model.coef_[0], model.intercept_[0])
        return np.stack((-row / 2, row / 2))
    return np.column_stack((model.coef_, model.intercept_))


# As probes ask for it, and as near as single precision allows.
@pytest.mark.parametrize(("tolerance", "gap"), [(1e-3, 1e-3), (1e-5, 1e-5)])
@pytest.mark.parametrize("loss", ["logistic", "svm"])
@pytest.mark.parametrize(
    ("n", "width", "classes"), [(150, 12, 2), (40, 90, 2), (240, 20, 6), (40, 90, 4)]
)
def test_reaches_the_optimum(loss, n, width, classes, tolerance, gap):
    x, targets = sample(n, width, classes)
    axes = principal_axes(x)
    coordinates = axes.rotate(x)
    rng = np.random.default_rng(1)
    kinds = [np.ones(n), rng.uniform(0.2, 3, n), (rng.random(n) < 0.7).astype(float)]
    weights = np.repeat(np.array(kinds, np.float32), len(STRENGTHS), axis=0)
    strengths = np.tile(STRENGTHS, len(kinds))
    problems = Problems(coordinates, axes.variances, targets, classes, weights, strengths)
    found, scores = solve(problems, loss=loss, tolerance=tolerance, steps=300)
    assert found.shape == (len(strengths), classes, coordinates.shape[1])
    for p, strength in enumerate(strengths):
        expected = reference(loss, coordinates, targets, weights[p], strength, classes)
        ours = objective(loss, found[p], coordinates, targets, weights[p], strength)
        theirs = objective(loss, expected, coordinates, targets, weights[p], strength)
        start = objective(loss, 0 * expected, coordinates, targets, weights[p], strength)
        assert ours - theirs <= gap * start, (strength, p)
        assert ours >= theirs * (1 - 1e-4) - 1e-6  # or the reference is none
        np.testing.assert_allclose(scores[p], coordinates @ found[p].T, rtol=1e-3, atol=1e-3)
        labels = (coordinates @ expected.T).argmax(axis=1)
        assert (scores[p].argmax(axis=1) == labels).mean() >= 0.97


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_problems_do_not_know_of_each_other(loss, monkeypatch):
    x, targets = sample(90, 15, 3)
    axes = principal_axes(x)
    weights = (np.random.default_rng(2).random((6, 90)) < 0.8).astype(np.float32)
    strengths = np.array([0.1, 1, 10, 100, 1, 1000.0])

    def run(part: slice) -> np.ndarray:
        return solve(
            Problems(axes.rotate(x), axes.variances, targets, 3, weights[part], strengths[part]),
            loss=loss,
        )[1]

    together = run(slice(None))
    for p in range(6):
        np.testing.assert_allclose(run(slice(p, p + 1))[0], together[p], rtol=2e-2, atol=5e-3)
    monkeypatch.setattr(module, "_CHUNK_FLOATS", 1)
    np.testing.assert_allclose(run(slice(None)), together, rtol=2e-2, atol=5e-3)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_held_out_items_do_not_matter(loss):
    x, targets = sample(80, 10, 3)
    axes = principal_axes(x)
    coordinates = axes.rotate(x)
    weights = np.ones((1, 80), np.float32)
    weights[0, 60:] = 0
    strengths = np.array([10.0])
    problems = Problems(coordinates, axes.variances, targets, 3, weights, strengths)
    found, _ = solve(problems, loss=loss)
    wrong = targets.copy()
    wrong[60:] = (wrong[60:] + 1) % 3
    other = Problems(coordinates, axes.variances, wrong, 3, weights, strengths)
    np.testing.assert_array_equal(solve(other, loss=loss)[0], found)
    alone = Problems(coordinates[:60], axes.variances, targets[:60], 3, weights[:, :60], strengths)
    np.testing.assert_allclose(solve(alone, loss=loss)[0], found, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_weight_two_is_the_item_twice(loss):
    x, targets = sample(60, 8, 3)
    axes = principal_axes(x)
    coordinates = axes.rotate(x)
    weights = np.ones((1, 60), np.float32)
    weights[0, :20] = 2
    twice = np.concatenate((np.arange(60), np.arange(20)))
    strengths = np.array([3.0])
    one, _ = solve(Problems(coordinates, axes.variances, targets, 3, weights, strengths), loss=loss)
    two, _ = solve(
        Problems(coordinates[twice], axes.variances, targets[twice], 3,
                 np.ones((1, 80), np.float32), strengths),
        loss=loss,
    )  # fmt: skip
    np.testing.assert_allclose(one, two, rtol=2e-2, atol=5e-3)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
@pytest.mark.parametrize("strength", [0.01, 1, 1e4])
def test_a_class_absent_from_a_fold(loss, strength):
    x, targets = sample(90, 10, 4)
    axes = principal_axes(x)
    weights = (targets != 3).astype(np.float32)[None]
    coordinates = axes.rotate(x)
    problems = Problems(coordinates, axes.variances, targets, 4, weights, np.array([strength]))
    found, scores = solve(problems, loss=loss)
    assert np.isfinite(found).all()
    assert np.isfinite(scores).all()
    assert (scores[0].argmax(axis=1) != 3).all()


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_constant_and_duplicated_features(loss):
    x, targets = sample(100, 6, 3)
    wide = np.column_stack((x, x[:, :3], np.full((100, 2), 5))).astype(np.float32)
    axes = principal_axes(wide)
    coordinates = axes.rotate(wide)
    ones, strengths = np.ones((1, 100), np.float32), np.array([30.0])
    problems = Problems(coordinates, axes.variances, targets, 3, ones, strengths)
    found, scores = solve(problems, loss=loss)
    assert np.isfinite(scores).all()
    expected = reference(loss, coordinates, targets, ones[0], 30.0, 3)
    ours = objective(loss, found[0], coordinates, targets, ones[0], 30.0)
    assert ours <= objective(loss, expected, coordinates, targets, ones[0], 30.0) * 1.002


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_separable_and_hardly_regularised(loss):
    x, targets = sample(40, 200, 4)
    axes = principal_axes(x)
    ones = np.ones((1, 40), np.float32)
    coordinates = axes.rotate(x)
    problems = Problems(coordinates, axes.variances, targets, 4, ones, np.array([1e6]))
    found, scores = solve(problems, loss=loss)
    assert np.isfinite(found).all()
    assert (scores[0].argmax(axis=1) == targets).all()


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_no_features_at_all_learns_the_shares(loss):
    targets = np.array([0] * 6 + [1] * 3 + [2])
    ones = np.ones((10, 1), np.float32)
    problems = Problems(ones, np.zeros(0, np.float32), targets, 3, ones.T, np.array([1.0]))
    _, scores = solve(problems, loss=loss)
    assert (scores[0].argmax(axis=1) == 0).all()
    if loss == "logistic":
        shares = np.exp(scores[0, 0]) / np.exp(scores[0, 0]).sum()
        np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.01)


# --- what must hold whatever the data -----------------------------------------------------------


def fitted(loss, x, targets, *, strength=3.0, weights=None, classes=None):
    """(C, d + 1) weights on plain features, and the (N, C) scores."""
    coordinates = np.column_stack([x, np.ones(len(x))]).astype(np.float32)
    given = np.ones((1, len(x)), np.float32) if weights is None else weights[None]
    problems = Problems(
        coordinates, x.var(axis=0).astype(np.float32), targets,
        classes or int(targets.max()) + 1, given.astype(np.float32), np.array([strength]),
    )  # fmt: skip
    found, scores = solve(problems, loss=loss, tolerance=1e-5, steps=300)
    return found[0], scores[0]


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_scores_are_those_of_the_weights(loss):
    x, targets = sample(80, 6, 3)
    w, scores = fitted(loss, x, targets)
    assert np.allclose(scores, x @ w[:, :-1].T + w[:, -1], atol=1e-4)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
@pytest.mark.parametrize("seed", range(3))
def test_no_step_away_is_better(loss, seed):
    x, targets = sample(60, 5, 3, seed)
    weights = np.random.default_rng(seed).uniform(0.2, 3, 60).astype(np.float32)
    w, _ = fitted(loss, x, targets, weights=weights)
    coordinates = np.column_stack([x, np.ones(60)])
    best = objective(loss, w, coordinates, targets, weights, 3.0)
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(10):
            away = w + size * rng.normal(size=w.shape)
            assert objective(loss, away, coordinates, targets, weights, 3.0) > best - 1e-6


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_less_regularised_weights_are_larger(loss):
    x, targets = sample(90, 6, 3)
    lengths = [
        np.linalg.norm(fitted(loss, x, targets, strength=s)[0][:, :-1]) for s in (0.01, 0.3, 10)
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < 0.5 * lengths[-1]


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_numbers_of_classes_are_only_names(loss):
    x, targets = sample(90, 6, 3)
    turn = np.array([2, 0, 1])
    straight, moved = fitted(loss, x, targets)[0], fitted(loss, x, turn[targets])[0]
    assert np.allclose(moved[turn], straight, atol=0.01)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_mirrored_features_have_mirrored_weights(loss):
    x, targets = sample(90, 6, 3)
    straight, mirrored = fitted(loss, x, targets)[0], fitted(loss, -x, targets)[0]
    assert np.allclose(mirrored[:, :-1], -straight[:, :-1], atol=0.01)
    assert np.allclose(mirrored[:, -1], straight[:, -1], atol=0.01)


def test_logistic_biases_name_the_shares():
    targets = np.repeat([0, 1, 2], [50, 30, 20])
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    _, scores = fitted("logistic", x, targets, strength=1e-6)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert chances.mean(axis=0) == pytest.approx([0.5, 0.3, 0.2], abs=0.01)


@pytest.mark.parametrize("loss", ["logistic", "svm"])
def test_of_nothing_nothing_is_learnt(loss):
    x, targets = sample(12, 4, 3)
    _, scores = fitted(loss, x, targets, weights=np.zeros(12, np.float32))
    assert not scores.any()
