import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from headstart.metrics.auroc import auroc, auroc_interval, within_interval
from headstart.metrics.confound import within_auc


def folds_of(n=120, classes=3, k=5, strength=1.5, seed=0):
    """Scores of k models, each with a scale and a bias of its own."""
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    scores = rng.normal(size=(n, classes))
    scores[np.arange(n), targets] += strength
    models = rng.permutation(n) % k
    scale, bias = rng.uniform(0.3, 3, k), rng.normal(0, 2, (k, classes))
    return scores * scale[models][:, None] + bias[models], targets, models


def test_areas_are_of_one_model_each():
    scores, targets, models = folds_of()
    area, sway, used = auroc(scores, targets, models)
    wanted = []
    for column in range(3):
        areas, pairs = [], []
        for model in range(5):
            mine = models == model
            member = targets[mine] == column
            areas.append(roc_auc_score(member, scores[mine, column]))
            pairs.append(member.sum() * (~member).sum())
        wanted.append(np.average(areas, weights=pairs))
    assert area == pytest.approx(np.mean(wanted))
    assert used == 3
    assert sway.sum() == pytest.approx(0, abs=1e-12)
    assert auroc(scores, targets)[0] < area - 0.03  # pooled


def test_one_model_is_what_none_is():
    scores, targets, _ = folds_of()
    one, none = auroc(scores, targets, np.zeros(120, int)), auroc(scores, targets)
    assert one[0] == none[0]
    assert (one[1] == none[1]).all()


def test_a_fold_without_a_class_is_left_out():
    scores = np.array([[0.9], [0.1], [0.2], [0.3]])
    scores = np.hstack([scores, 1 - scores])
    area, _, used = auroc(scores, np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1]))
    assert (area, used) == (1.0, 2)
    alone = auroc(scores, np.array([0, 1, 1, 1]), np.arange(4))
    assert np.isnan(alone[0])
    assert alone[2] == 0
    found = auroc_interval(scores, np.array([0, 1, 1, 1]), np.arange(4), None, 0)
    assert (found.low, found.high) == (0, 1)


def test_the_interval_of_folds_holds_the_area():
    truth = auroc(*folds_of(n=30_000, k=1, seed=99))[0]
    inside, pooled, widths = 0, 0, []
    for seed in range(60):
        scores, targets, models = folds_of(n=100, seed=seed)
        found = auroc_interval(scores, targets, models, None, seed)
        inside += found.low <= truth <= found.high
        widths.append(found.high - found.low)
        flat = auroc_interval(scores, targets, None, None, seed)
        pooled += flat.low <= truth <= flat.high
    assert inside >= 55
    assert pooled < 30
    assert np.mean(widths) < 0.25


def test_clusters_widen_it():
    scores, targets, models = folds_of(n=60)
    four = np.repeat(np.arange(60), 4)
    alone = auroc_interval(scores[four], targets[four], models[four], None, 0)
    whole = auroc_interval(scores[four], targets[four], models[four], four, 0)
    assert whole.value == alone.value
    assert whole.high - whole.low > 1.5 * (alone.high - alone.low)


def test_few_of_a_class_vary_as_few_do():
    """DeLong's own variance, of four images of one class and many of the other."""
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(1.2, 1, 4), rng.normal(0, 1, 400)])
    targets = np.repeat([0, 1], [4, 400])
    wins = (scores[:4, None] > scores[4:]).mean(axis=1)
    beaten = (scores[:4, None] > scores[4:]).mean(axis=0)
    error = (wins.var(ddof=1) / 4 + beaten.var(ddof=1) / 400) ** 0.5
    found = auroc_interval(np.stack([scores, -scores], axis=1), targets, None, None, 0)
    logits = np.log([found.low / (1 - found.low), found.high / (1 - found.high)])
    half = 1.96 * error / (found.value * (1 - found.value))
    assert logits[1] - logits[0] == pytest.approx(2 * half, rel=0.12)  # 0.87 with a variance of 1/4


def test_within_classes_the_area_is_the_one_that_is_said_and_few_images_widen_it():
    scores, targets, models = folds_of(n=400, classes=2)
    has = np.random.default_rng(1).random(400) < 0.5
    s = scores[:, 1] + has
    every, alone = (lambda k, c: within_interval(s[k], targets[k], has[k], models[k], c)), np.arange
    found = every(slice(None), alone(400))
    assert found.value == pytest.approx(within_auc(s, targets, has, models))
    assert found.low < found.value < found.high
    rare = ~has | (np.arange(400) % 20 == 0)
    few = every(rare, alone(rare.sum()))
    assert few.high - few.low > 1.5 * (found.high - found.low)
    twice = np.repeat(np.arange(400), 2)
    copies = every(twice, twice)
    assert copies.high - copies.low > 0.9 * (found.high - found.low), "a copy says nothing new"
    wide = within_interval(s, targets, has, models, alone(400), inflation=2)
    assert wide.low < found.low
    assert np.isnan(within_interval(s, targets, has & False, models, alone(400)).value)
