import time
import warnings

import numpy as np
import pytest

from headstart.metrics import classification as ours


def problem(n=300, classes=5, strength=2.0, seed=0):
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), targets] += strength
    logits = np.round(logits, 1)  # ties
    chances = np.exp(logits)
    return chances / chances.sum(axis=1, keepdims=True), targets


@pytest.mark.parametrize("classes", [2, 5, 40])
@pytest.mark.parametrize("clustered", [False, True])
def test_values_are_those_of_scikit_learn(classes, clustered):
    from sklearn import metrics as reference

    chances, targets = problem(classes=classes)
    labels = chances.argmax(axis=1)
    clusters = np.arange(len(targets)) // 3 if clustered else None
    found = ours.measure(chances, targets, clusters=clusters)
    # Column by column: with two classes, rounding breaks ties in one column and not the other.
    areas = [reference.roc_auc_score(targets == c, chances[:, c]) for c in range(classes)]
    expected = {
        "accuracy": reference.accuracy_score(targets, labels),
        "balanced_accuracy": reference.balanced_accuracy_score(targets, labels),
        "macro_f1": reference.f1_score(targets, labels, average="macro", zero_division=0),
        "auroc": np.mean(areas),
        "log_loss": reference.log_loss(targets, chances),
    }
    assert {key: e.value for key, e in found.overall.items()} == pytest.approx(expected)
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        targets, labels, zero_division=np.nan
    )
    assert [c.n for c in found.classes] == support.tolist()
    for key, column in {"precision": precision, "recall": recall, "f1": f1}.items():
        values = [getattr(c, key).value for c in found.classes]
        assert values == pytest.approx(column.tolist(), nan_ok=True)
    matrix = ours.confusion_matrix(targets, labels, classes)
    assert (matrix == reference.confusion_matrix(targets, labels)).all()


@pytest.mark.parametrize("clusters", [None, np.arange(300) // 4])
def test_every_interval_holds_its_value(clusters):
    chances, targets = problem(strength=3.0)
    found = ours.measure(chances, targets, clusters=clusters)
    estimates = [*found.overall.values()]
    for row in found.classes:
        estimates += [row.precision, row.recall, row.f1]
    for estimate in estimates:
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.low < estimate.high
        assert estimate.n > 0


def test_weights_are_copies():
    chances, targets = problem(n=60)
    labels = chances.argmax(axis=1)
    weights = np.random.default_rng(0).integers(0, 4, 60)
    picked = np.repeat(np.arange(60), weights)
    weighted = ours.count(weights[None].astype(float), targets, labels, 5)
    copied = ours.count(np.ones((1, len(picked))), targets[picked], labels[picked], 5)
    for measure in (ours.accuracy, ours.balanced_accuracy, ours.macro_f1, ours.f1):
        assert measure(weighted) == pytest.approx(measure(copied), nan_ok=True)


def test_absent_classes_are_left_out_and_said():
    chances, targets = problem()
    kept = targets != 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ours.measure(chances[kept], targets[kept])
    assert "1 absent" in found.overall["macro_f1"].method
    assert "1 absent" in found.overall["auroc"].method
    assert found.classes[3].n == 0
    assert np.isnan(found.classes[3].recall.value)
    present = [c.recall.value for i, c in enumerate(found.classes) if i != 3]
    assert found.overall["balanced_accuracy"].value == pytest.approx(np.mean(present))


def test_a_class_never_named_has_no_precision():
    chances = np.tile([0.9, 0.1], (10, 1))
    targets = np.array([0] * 5 + [1] * 5)
    found = ours.measure(chances, targets)
    assert np.isnan(found.classes[1].precision.value)
    assert found.classes[1].f1.value == 0
    assert found.overall["auroc"].value == 0.5


def test_one_class_only_has_no_auroc():
    found = ours.measure(np.tile([0.9, 0.1], (10, 1)), np.zeros(10, int))
    assert np.isnan(found.overall["auroc"].value)
    assert found.overall["accuracy"].value == 1


def test_perfect_is_not_certain():
    targets = np.arange(40) % 4
    found = ours.measure(np.eye(4)[targets], targets)
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found.overall[key].value == 1
        assert 0.85 < found.overall[key].low < 0.95
    assert found.classes[0].f1.low < 0.8  # ten items only
    assert found.overall["log_loss"].value == 0


def test_a_single_item_can_be_measured():
    found = ours.measure(np.array([[0.3, 0.7]]), np.array([1]))
    assert found.overall["accuracy"].value == 1
    assert found.overall["accuracy"].low < 0.3


def test_auroc_influence_predicts_what_weights_do():
    from sklearn.metrics import roc_auc_score

    chances, targets = problem(n=400)
    value, sway, used = ours.auroc(chances, targets)
    assert used == 5
    assert sway.sum() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(5):
        weights = rng.multinomial(400, np.full(400, 1 / 400))
        picked = np.repeat(np.arange(400), weights)
        exact = roc_auc_score(targets[picked], chances[picked], multi_class="ovr")
        assert value + (weights - 1) @ sway == pytest.approx(exact, abs=0.003)


def test_macro_f1_interval_covers():
    truth = ours.measure(*problem(n=40_000, strength=2.5, seed=99)).overall
    held = {"macro_f1": 0, "auroc": 0, "log_loss": 0}
    for seed in range(1, 61):
        found = ours.measure(*problem(n=120, strength=2.5, seed=seed)).overall
        for key in held:
            held[key] += found[key].low <= truth[key].value <= found[key].high
    assert min(held.values()) >= 53


def test_unknown_targets_are_refused():
    with pytest.raises(ValueError, match="targets"):
        ours.measure(np.ones((2, 2)) / 2, np.array([0, -1]))


@pytest.mark.parametrize(("n", "classes", "seconds"), [(1000, 10, 1.0), (816, 136, 2.0)])
def test_it_is_fast(n, classes, seconds):
    chances, targets = problem(n=n, classes=classes)
    start = time.process_time()
    ours.measure(chances, targets)
    assert time.process_time() - start < seconds
