import numpy as np
import pytest

from headstart.metrics.classification import class_statistics, measure_classes
from headstart.metrics.folds import fold_inflation, rows_by_model
from headstart.metrics.statistic import estimate, restrict


def test_one_model_is_not_inflated():
    for models in (None, np.zeros(9, int)):
        assert fold_inflation(models, of="scores") == fold_inflation(models, of="answers") == 1


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_scores_are_as_nadeau_and_bengio_say(folds):
    models = np.repeat(np.arange(folds), 3)
    assert fold_inflation(models, of="scores") == pytest.approx(1 + (folds - 1) / folds)
    assert 1 < fold_inflation(models, of="answers") < fold_inflation(models, of="scores")


def test_every_row_has_one_model():
    models = np.array([3, 1, 3, 1, 7])
    assert [rows.tolist() for rows in rows_by_model(models, 5)] == [[1, 3], [0, 2], [4]]
    assert [rows.tolist() for rows in rows_by_model(None, 3)] == [[0, 1, 2]]


def test_every_measure_of_folds_is_wider_and_says_why():
    rng = np.random.default_rng(0)
    chances, targets = rng.dirichlet(np.ones(3), 90), rng.integers(0, 3, 90)
    folds = np.arange(90) % 5
    one, several = class_statistics(chances, targets), class_statistics(chances, targets, folds)
    for key in one:
        alone, nested = estimate(one[key]), estimate(several[key])
        assert nested.high - nested.low > 1.1 * (alone.high - alone.low), key
        assert nested.n == alone.n == 90
        assert "folds that share training images" in nested.method
        assert "folds" not in alone.method
    part = restrict(several["accuracy"], targets == 0)
    assert part.inflation == several["accuracy"].inflation


def redraws(times: int, n: int = 80, width: int = 12, k: int = 5):
    """Nested answers of a Gaussian classifier, and the mean log-loss that its models have."""
    rng = np.random.default_rng(0)
    many_y = rng.integers(0, 2, 4000)
    many = rng.normal(size=(4000, width)) + 0.5 * (2 * many_y[:, None] - 1)
    for _ in range(times):
        y = rng.integers(0, 2, n)
        x = rng.normal(size=(n, width)) + 0.5 * (2 * y[:, None] - 1)
        fold, chances, losses = rng.permutation(n) % k, np.zeros((n, 2)), []
        for each in range(k):
            learn = fold != each
            means = [x[learn & (y == c)].mean(axis=0) for c in (0, 1)]
            slope, middle = means[1] - means[0], (means[0] + means[1]) / 2

            def given(rows, slope=slope, middle=middle):
                p = 1 / (1 + np.exp(-np.clip((rows - middle) @ slope / 2, -30, 30)))
                return np.stack([1 - p, p], axis=1)

            chances[~learn] = given(x[~learn])
            losses.append(-np.log(given(many)[np.arange(4000), many_y]).mean())
        yield chances, y, fold, float(np.mean(losses))


def test_log_loss_of_folds_is_covered():
    inside = {True: 0, False: 0}
    for chances, y, fold, truth in redraws(200):
        for nested in inside:
            found = estimate(class_statistics(chances, y, fold if nested else None)["log_loss"])
            inside[nested] += found.low <= truth <= found.high
    assert 188 <= inside[True] <= 198  # of 200, for 95 %
    assert inside[False] < 188  # as if the folds were independent


def test_every_class_of_folds_is_wider():
    rng = np.random.default_rng(0)
    labels, targets, folds = rng.integers(0, 2, 80), rng.integers(0, 2, 80), np.arange(80) % 5
    for clusters in (None, np.arange(80) // 2):
        one = measure_classes(labels, targets, 2, clusters=clusters)
        several = measure_classes(labels, targets, 2, clusters=clusters, models=folds)
        for alone, nested in zip(one, several, strict=True):
            for name in ("recall", "precision", "f1"):
                a, b = getattr(alone, name), getattr(nested, name)
                assert (a.value, a.n) == (pytest.approx(b.value), b.n)
                assert b.high - b.low > 1.05 * (a.high - a.low)
