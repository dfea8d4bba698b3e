"""The probe chooses honestly: nothing held out has been seen, and what it says is what it did."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.probe.vectors import even, vectors_of

from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.nets.heads.head import softmax
from headstart.probe import probe as module
from headstart.probe import trials
from headstart.probe.classifiers import (
    Config,
    fit_head,
    make_space,
)
from headstart.probe.frozen import Frozen, feature_sets
from headstart.probe.probe import Labelled
from headstart.probe.trials import Grid


def probe(vectors, sets, targets, clusters, *, n_classes, items=None, seed=0, **options):
    """Probes plain arrays."""
    labelled = Labelled(targets, clusters, n_classes, items)
    return module.probe(Frozen(vectors, sets), labelled, Compute(seed=seed), **options)


SLICES = {"stage1": slice(0, 6), "stage2": slice(6, 16), "last": slice(16, 28)}
SETS = feature_sets(SLICES)
SMALL = Grid(logistic=(1, 10), svm=(1,), neighbours=(1, 5))


def run(targets: np.ndarray, vectors: np.ndarray | None = None, **options):
    vectors = vectors_of(targets) if vectors is None else vectors
    options = {
        "clusters": np.arange(len(targets)), "n_classes": int(targets.max()) + 1, "grid": SMALL,
        **options,
    }  # fmt: skip
    return probe(vectors, options.pop("sets", SETS), targets, options.pop("clusters"), **options)


# --- sets and grid ------------------------------------------------------------------------------


def test_feature_sets():
    sets = feature_sets({**{f"stage{i}": slice(3 * i, 3 * i + 3) for i in range(4)},
                         "last": slice(12, 14)})  # fmt: skip
    assert list(sets) == ["stage0", "stage1", "stage2", "stage3", "last", "upper", "all"]
    assert sets["upper"].tolist() == list(range(6, 14))
    assert sets["all"].tolist() == list(range(14))
    assert list(feature_sets({"last": slice(0, 5)})) == ["last"]


def test_every_cell_of_the_grid_is_tried_once():
    found = run(even(90))
    tried = [trial.config for trial in found.trials]
    expected = [
        Config(kind, name, strength, balanced=False)
        for name in SETS
        for kind in SMALL.classifiers
        for strength in SMALL.strengths(kind)
    ]
    key = dataclasses.astuple
    assert sorted(tried, key=key) == sorted(expected, key=key)
    for trial in found.trials:
        assert trial.dimensions == len(SETS[trial.config.features])
        assert trial.accuracy.low <= trial.accuracy.value <= trial.accuracy.high
        assert trial.accuracy.n == 90


# --- the winner ---------------------------------------------------------------------------------


def test_the_winner_of_the_table_is_the_head():
    targets = even(120)
    vectors = vectors_of(targets)
    found = run(targets, vectors)
    [winner] = [trial for trial in found.trials if trial.chosen]
    assert found.trials[0] is winner
    assert winner.config == found.config
    assert winner.accuracy.value == max(trial.accuracy.value for trial in found.trials)
    space = make_space(vectors, SETS[found.config.features])
    again = fit_head(found.config, space, vectors, targets, n_classes=3)
    np.testing.assert_allclose(
        found.head.scores(vectors), again.scores(vectors), rtol=1e-3, atol=1e-3
    )
    assert (found.head.scores(vectors).argmax(axis=1) == targets).mean() > 0.9


def test_equal_accuracy_is_decided_by_log_loss():
    targets = even(90)
    found = run(targets, vectors_of(targets, signal=20))  # everything on "last" is perfect
    best = [trial for trial in found.trials if trial.accuracy.value == 1]
    assert len(best) > 2
    assert found.trials[0].log_loss == min(trial.log_loss for trial in best)


def test_useful_features_are_found():
    found = run(even(240))
    assert found.config.features in ("last", "all", "upper")
    scores = {t.config.features: t.accuracy.value for t in reversed(found.trials)}
    assert scores["last"] > scores["stage1"] + 0.2


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
def test_held_out_scores_are_those_of_a_head_fitted_without_the_item(kind):
    targets = even(60)
    vectors = vectors_of(targets, signal=2)
    found = run(targets, vectors, grid=dataclasses.replace(SMALL, classifiers=(kind,)),
                sets={"last": SETS["last"]})  # fmt: skip
    # By hand: the folds of each repeat, each fitted on its own, scores averaged.
    repeats = found.trials[0].repeats
    assert repeats == 5
    expected = np.zeros((60, 3))
    for repeat in range(repeats):
        fold_of = make_folds(targets, np.arange(60), k=5, seed=repeat)
        for fold in range(5):
            train, held = fold_of != fold, fold_of == fold
            space = make_space(vectors[train], SETS["last"])
            head = fit_head(found.config, space, vectors[train], targets[train], n_classes=3)
            expected[held] += head.scores(vectors[held]) / repeats
    # Standardised on the fold or on all: nearly, but not quite, the same question.
    agree = (found.held_out.argmax(axis=1) == expected.argmax(axis=1)).mean()
    assert agree >= 0.95
    assert np.corrcoef(found.held_out.ravel(), expected.ravel())[0, 1] > 0.98


# --- honesty ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
def test_random_labels_give_chance(kind):
    rng = np.random.default_rng(0)
    targets = rng.permutation(even(400, 4))
    vectors = rng.normal(size=(400, 28)).astype(np.float32)
    found = run(targets, vectors, grid=dataclasses.replace(SMALL, classifiers=(kind,)))
    for trial in found.trials:
        assert 0.15 < trial.accuracy.value < 0.35, trial.config
    assert 0.15 < (found.held_out.argmax(axis=1) == targets).mean() < 0.35


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
def test_copies_in_one_cluster_do_not_help(kind):
    """Random labels, every item twice: who lets a pair straddle folds scores far above chance."""
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(150), 2)
    targets = rng.permutation(even(150))[clusters]
    vectors = rng.normal(size=(150, 28)).astype(np.float32)[clusters]
    grid = dataclasses.replace(SMALL, classifiers=(kind,))
    honest = run(targets, vectors, clusters=clusters, grid=grid)
    assert honest.trials[0].accuracy.value < 0.47
    if kind == "neighbours":
        assert run(targets, vectors, grid=grid).trials[0].accuracy.value > 0.6


def test_no_cluster_straddles_a_fold(monkeypatch):
    seen = []
    real = trials.held_out_scores

    def spy(classifier, space, targets, *, weights, **options):
        seen.append(weights > 0)
        return real(classifier, space, targets, weights=weights, **options)

    monkeypatch.setattr(trials, "held_out_scores", spy)
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 40, 120)
    run(rng.integers(0, 3, 120), clusters=clusters)
    masks = np.concatenate(seen)
    assert len(masks) > 10
    for cluster in np.unique(clusters):
        inside = masks[:, clusters == cluster]
        assert (inside.all(axis=1) | ~inside.any(axis=1)).all()
    assert masks.any(axis=1).all()
    assert (~masks).any(axis=1).all()


def test_probabilities_of_held_out_items_are_calibrated():
    targets = even(600)
    found = run(targets, vectors_of(targets, signal=0.5), grid=SMALL)
    probabilities = softmax(found.held_out / found.temperature)
    confidence = probabilities.max(axis=1).mean()
    accuracy = (probabilities.argmax(axis=1) == targets).mean()
    assert abs(confidence - accuracy) < 0.05


def test_one_seed_one_answer():
    targets = even(80)
    first, second, other = run(targets), run(targets), run(targets, seed=1)

    def said(found):
        return [(t.config, t.accuracy, t.balanced_accuracy, t.chosen) for t in found.trials]

    assert said(first) == said(second)
    np.testing.assert_array_equal(first.held_out, second.held_out)
    assert first.temperature == second.temperature
    assert not np.array_equal(first.held_out, other.held_out)


# --- awkward data -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4, 6, 9])
@pytest.mark.parametrize("classes", [2, 3])
def test_few_images(n, classes):
    if n < classes:
        pytest.skip("not every class has one")
    targets = even(n, classes)
    found = run(targets)
    assert np.isfinite(found.held_out).all()
    assert np.isfinite(found.head.scores(vectors_of(targets))).all()
    assert found.temperature > 0
    assert found.trials[0].repeats == 5


def test_few_clusters():
    targets = even(30)
    found = run(targets, clusters=even(30, 2) * 1)
    assert found.trials[0].folds == 2
    assert np.isfinite(found.held_out).all()


def test_one_image_in_a_class():
    targets = np.array([0] * 20 + [1] * 20 + [2])
    found = run(targets)
    assert np.isfinite(found.held_out).all()
    assert found.head.n_classes == 3
    assert found.held_out[40].argmax() != 2  # it was held out, so nothing could know of it
    assert found.head.scores(vectors_of(targets)).shape == (41, 3)


def test_a_class_without_any_image():
    targets = even(60, 2) * 2  # classes 0 and 2 of 3
    found = run(targets, n_classes=3)
    assert np.isfinite(found.held_out).all()
    assert not (found.head.scores(vectors_of(targets)).argmax(axis=1) == 1).any()


def test_constant_vectors():
    targets = even(30)
    found = run(targets, np.ones((30, 28), np.float32))
    assert np.isfinite(found.held_out).all()


def test_imbalance_is_judged_by_balanced_accuracy():
    targets = np.array([0] * 180 + [1] * 20)
    found = run(targets, vectors_of(targets, signal=0.4))
    assert found.criterion == "balanced accuracy"
    assert {trial.config.balanced for trial in found.trials} == {True, False}
    [winner] = [trial for trial in found.trials if trial.chosen]
    best = max(trial.balanced_accuracy for trial in found.trials)
    assert winner.balanced_accuracy == pytest.approx(best)
    # All in the large class: high accuracy, worth nothing.
    assert winner.balanced_accuracy > 0.55
    recalls = [(found.held_out.argmax(axis=1) == targets)[targets == c].mean() for c in (0, 1)]
    assert winner.balanced_accuracy == pytest.approx(np.mean(recalls), abs=0.1)


@pytest.mark.parametrize(
    ("counts", "criterion", "balanced"),
    [
        ((60, 60), "accuracy", False),
        ((60, 39), "accuracy", True),
        ((60, 30), "accuracy", True),
        ((60, 29), "balanced accuracy", True),
    ],
)
def test_where_the_criterion_changes(counts, criterion, balanced):
    targets = np.repeat([0, 1], counts)
    found = run(targets, sets={"last": SETS["last"]})
    assert found.criterion == criterion
    assert any(trial.config.balanced for trial in found.trials) == balanced


def test_many_classes_thin_the_grid(monkeypatch):
    monkeypatch.setattr(trials, "_PATIENCE", 0)
    grid = Grid()
    found = run(even(90), grid=grid)
    of = {name: {t.config.classifier for t in found.trials if t.config.features == name}
          for name in SETS}  # fmt: skip
    assert of["last"] == of["all"] == {"prototypes", "neighbours", "logistic"}
    assert of["stage1"] == {"prototypes", "neighbours"}
    strengths = {t.config.C for t in found.trials if t.config.classifier == "logistic"}
    assert strengths < set(grid.logistic)


def test_thinning_keeps_a_grid_of_one():
    """A baseline's grid may hold one kind and one strength: something must be left to try."""
    grid = Grid(classifiers=("logistic",), logistic=(1,))
    assert grid.thinned().logistic == (1,)
    svm = Grid(classifiers=("svm",))
    assert svm.thinned().classifiers == ("svm",)


def test_thinning_tries_nothing_that_was_not_asked_for(monkeypatch):
    monkeypatch.setattr(trials, "_PATIENCE", 0)
    grid = Grid(classifiers=("logistic",), logistic=(0.1, 1, 10))
    found = run(even(60), sets={"pixels": np.arange(28)}, grid=grid)
    assert {trial.config.classifier for trial in found.trials} == {"logistic"}


def test_many_images_are_chosen_on_some_and_fitted_on_all(monkeypatch):
    monkeypatch.setattr(module, "_CHOOSE_ON", 60)
    targets = np.array([0] * 150 + [1] * 100 + [2] * 50)
    vectors = vectors_of(targets)
    found = run(targets, vectors, grid=Grid(classifiers=("neighbours",), neighbours=(3,)))
    assert len(found.chosen_on) == len(found.held_out) == 60
    assert len(np.unique(found.chosen_on)) == 60
    np.testing.assert_allclose(np.bincount(targets[found.chosen_on]), [30, 20, 10], atol=1)
    assert len(found.head.arrays["memory"]) == 300


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
@pytest.mark.parametrize("leading", [6, 512])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_many_images_need_no_copy_and_no_other_rows(monkeypatch, kind, leading, dtype):
    """Fitted block by block from some rows; the others are nonsense that nothing may read."""
    from headstart.probe import axes, classifiers

    monkeypatch.setattr(axes, "_ALL_UP_TO", 10 if leading == 6 else 800)
    monkeypatch.setattr(axes, "_LEADING", leading)
    monkeypatch.setattr(axes, "_SMALL_BLOCK", 32)
    monkeypatch.setattr(classifiers, "_BLOCK", 32)
    targets = even(300)
    vectors = (vectors_of(targets) * 20 + 128).clip(0, 255).astype(dtype)
    items = np.sort(np.random.default_rng(1).permutation(300)[:200])
    other = np.setdiff1d(np.arange(300), items)
    vectors[other] = 255
    config, columns = Config(kind, "upper", 10), np.arange(6, 28)
    space = make_space(vectors[items], columns)
    exact = fit_head(config, space, vectors[items], targets[items], n_classes=3)
    few = dataclasses.replace(space, coordinates=space.coordinates[:60])
    found = fit_head(config, few, vectors, targets, n_classes=3, items=items)
    assert found.meta() == exact.meta()
    np.testing.assert_allclose(
        found.scores(vectors[items]), exact.scores(vectors[items]), atol=0.05
    )


def test_where_sets_have_their_own_grid_no_other_set_is_tried():
    own = {"last": Grid(classifiers=("svm",), svm=(0.5, 2))}
    found = run(even(60), grid=Grid(own=own))
    tried = {(t.config.features, t.config.classifier, t.config.C) for t in found.trials}
    assert tried == {("last", "svm", 0.5), ("last", "svm", 2.0)}


def test_of_equals_the_one_that_knows_places_comes_last():
    """Where things are holds least for images taken otherwise."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 20)
    signal = targets[:, None] * 6.0 + rng.normal(size=(40, 3))
    vectors = np.hstack([3 * signal, signal]).astype(np.float32)
    frozen = Frozen.of_stages(vectors, {"regions": slice(0, 3), "last": slice(3, 6)})
    ground = Labelled(targets, np.arange(40), 2, np.arange(40))
    found = module.probe(frozen, ground, Compute("cpu", 1, 0))
    assert found.config.features == "last"
    vectors[:, 3:] = rng.normal(size=(40, 3))
    assert module.probe(frozen, ground, Compute("cpu", 1, 0)).config.features == "regions"
