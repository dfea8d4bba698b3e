import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.metrics import classification as ours
from headstart.metrics.auroc import auroc
from headstart.metrics.interval import wilson
from headstart.metrics.statistic import estimate


def measure(probabilities, targets, *, clusters=None, seed=0):
    """Every measure with its interval, and those of each class."""
    statistics = ours.class_statistics(probabilities, targets)
    labels, width = probabilities.argmax(axis=1), probabilities.shape[1]
    return SimpleNamespace(
        overall={key: estimate(each, clusters, seed=seed) for key, each in statistics.items()},
        classes=ours.measure_classes(labels, targets, width, clusters=clusters, seed=seed),
    )


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
    found = measure(chances, targets, clusters=clusters)
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
    found = measure(chances, targets, clusters=clusters)
    estimates = [*found.overall.values()]
    for row in found.classes:
        estimates += [row.precision, row.recall, row.f1]
    for each in estimates:
        assert each.low <= each.value <= each.high
        assert each.low < each.high
        assert each.n > 0


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
        found = measure(chances[kept], targets[kept])
    assert "1 absent" in found.overall["macro_f1"].method
    assert "1 absent" in found.overall["auroc"].method
    assert found.classes[3].n == 0
    assert np.isnan(found.classes[3].recall.value)
    present = [c.recall.value for i, c in enumerate(found.classes) if i != 3]
    assert found.overall["balanced_accuracy"].value == pytest.approx(np.mean(present))


def test_a_class_never_named_has_no_precision():
    chances = np.tile([0.9, 0.1], (10, 1))
    targets = np.array([0] * 5 + [1] * 5)
    found = measure(chances, targets)
    assert np.isnan(found.classes[1].precision.value)
    assert found.classes[1].f1.value == 0
    assert found.overall["auroc"].value == 0.5


def test_one_class_only_has_no_auroc():
    found = measure(np.tile([0.9, 0.1], (10, 1)), np.zeros(10, int))
    assert np.isnan(found.overall["auroc"].value)
    assert found.overall["accuracy"].value == 1


def test_perfect_is_not_certain():
    targets = np.arange(40) % 4
    found = measure(np.eye(4)[targets], targets)
    for key in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found.overall[key].value == 1
        assert 0.85 < found.overall[key].low < 0.95
    assert found.classes[0].f1.low < 0.8  # ten items only
    loss = found.overall["log_loss"]
    assert (loss.value, loss.low) == (0, 0)
    assert loss.high > 0.5, "an unseen mistake of a certain model is dear"


def test_log_loss_without_a_mistake_has_room_for_one():
    chances = np.tile([0.9, 0.1], (30, 1))
    loss = measure(chances, np.zeros(30, int)).overall["log_loss"]
    unseen = 1 - wilson(30, 30).low
    assert loss.high == pytest.approx((1 - unseen) * -np.log(0.9) + unseen * -np.log(0.1))
    one = measure(chances, np.arange(30) // 29).overall["log_loss"]
    assert one.method == "bootstrap 95%"


def test_a_single_item_can_be_measured():
    found = measure(np.array([[0.3, 0.7]]), np.array([1]))
    assert found.overall["accuracy"].value == 1
    assert found.overall["accuracy"].low < 0.3


def test_auroc_influence_predicts_what_weights_do():
    from sklearn.metrics import roc_auc_score

    chances, targets = problem(n=400)
    value, sway, used = auroc(chances, targets)
    assert used == 5
    assert sway.sum() == pytest.approx(0, abs=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(5):
        weights = rng.multinomial(400, np.full(400, 1 / 400))
        picked = np.repeat(np.arange(400), weights)
        exact = roc_auc_score(targets[picked], chances[picked], multi_class="ovr")
        assert value + (weights - 1) @ sway == pytest.approx(exact, abs=0.003)


def test_macro_f1_interval_covers():
    truth = measure(*problem(n=40_000, strength=2.5, seed=99)).overall
    held = {"macro_f1": 0, "auroc": 0, "log_loss": 0}
    for seed in range(1, 61):
        found = measure(*problem(n=120, strength=2.5, seed=seed)).overall
        for key in held:
            held[key] += found[key].low <= truth[key].value <= found[key].high
    assert min(held.values()) >= 53


def test_unknown_targets_are_refused():
    with pytest.raises(ValueError, match="targets"):
        measure(np.ones((2, 2)) / 2, np.array([0, -1]))


@pytest.mark.parametrize(("n", "classes", "seconds"), [(1000, 10, 1.0), (816, 136, 2.0)])
def test_it_is_fast(n, classes, seconds):
    chances, targets = problem(n=n, classes=classes)
    start = time.process_time()
    measure(chances, targets)
    assert time.process_time() - start < seconds


# --- against scikit-learn on any weights --------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_weighted_counts_are_scikit_learns(seed):
    from sklearn import metrics as reference

    rng = np.random.default_rng(seed)
    n, classes = int(rng.integers(5, 80)), int(rng.integers(2, 7))
    targets, labels = rng.integers(0, classes, n), rng.integers(0, classes, n)
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, :2] += 1
    counts = ours.count(weights, targets, labels, classes)
    for at, row in enumerate(weights):
        present = np.unique(targets[row > 0])
        options = {"sample_weight": row, "labels": np.arange(classes), "zero_division": np.nan}
        precision, recall, _, support = reference.precision_recall_fscore_support(
            targets, labels, **options
        )
        f1 = reference.f1_score(targets, labels, average=None, sample_weight=row, labels=present,
                                zero_division=0)  # fmt: skip
        assert counts.truths[at] == pytest.approx(support)
        assert ours.precision(counts)[at] == pytest.approx(precision, nan_ok=True)
        assert ours.recall(counts)[at] == pytest.approx(recall, nan_ok=True)
        assert ours.f1(counts)[at][present] == pytest.approx(f1)
        assert np.isnan(np.delete(ours.f1(counts)[at], present)).all()
        assert ours.macro_f1(counts)[at] == pytest.approx(np.mean(f1))
        assert ours.accuracy(counts)[at] == pytest.approx(
            reference.accuracy_score(targets, labels, sample_weight=row)
        )
        assert ours.balanced_accuracy(counts)[at] == pytest.approx(np.nanmean(recall))


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_areas_are_scikit_learns_with_any_ties(levels, seed):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, 90)
    scores = rng.integers(0, levels, (90, 4)) / levels
    area, sway, used = auroc(scores, targets)  # the fourth class is empty
    wanted = np.mean([roc_auc_score(targets == c, scores[:, c]) for c in range(3)])
    assert area == pytest.approx(wanted)
    assert used == 3
    assert sway.sum() == pytest.approx(0, abs=1e-9)


def test_log_loss_is_clipped_at_the_resolution_of_its_type():
    targets = np.array([0, 1])
    for kind in (np.float32, np.float64):
        chances = np.array([[0, 1], [0, 1]], kind)
        losses = ours.log_loss(chances, targets)
        assert losses == pytest.approx([-np.log(np.finfo(kind).eps), 0])


def test_order_of_items_does_not_matter():
    chances, targets = problem()
    order = np.random.default_rng(3).permutation(len(targets))
    one, other = (measure(chances[rows], targets[rows]) for rows in (slice(None), order))
    for key, own in one.overall.items():
        assert other.overall[key].value == pytest.approx(own.value)
    assert [c.recall.value for c in one.classes] == [c.recall.value for c in other.classes]


def test_renaming_classes_moves_their_measures():
    chances, targets = problem(classes=4)
    chances = chances + 1e-6 * np.random.default_rng(1).random(chances.shape)  # no ties
    turn = np.array([2, 0, 3, 1])
    moved = measure(chances[:, turn], np.argsort(turn)[targets])
    straight = measure(chances, targets)
    for new, old in enumerate(turn):
        assert moved.classes[new].recall.value == pytest.approx(straight.classes[old].recall.value)
    assert moved.overall["macro_f1"].value == pytest.approx(straight.overall["macro_f1"].value)


def test_an_accuracy_interval_covers():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(60):
        targets = rng.integers(0, 2, 80)
        right = rng.random(80) < 0.85
        chances = np.eye(2)[np.where(right, targets, 1 - targets)]
        found = measure(chances, targets).overall["accuracy"]
        held += found.low <= 0.85 <= found.high
    assert held >= 52
