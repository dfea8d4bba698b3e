"""Rounds: each item is predicted once, by a model that never saw it."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.probe import cross_validate as module
from headstart.probe.classifiers import Config
from headstart.probe.cross_validate import Round
from headstart.probe.frozen import Frozen
from headstart.probe.trials import Grid
from headstart.scoring.curve import curve_section

SETS = {"last": np.arange(10)}
CPU = Compute()
GRID = Grid(classifiers=("logistic", "neighbours"), logistic=(1, 10), neighbours=(1, 5))


def sample(n: int, classes: int = 3, signal: float = 1.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % classes
    centres = signal * rng.normal(size=(classes, 10))
    return (centres[targets] + rng.normal(size=(n, 10))).astype(np.float32), targets


def cross(targets: np.ndarray, clusters: np.ndarray, k: int = 4):
    fold_of = make_folds(targets, clusters, k=k, seed=0)
    return [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k)]


def cross_validate(vectors, sets, targets, clusters, pairs, *, n_classes, final=True, **options):
    """Cross-validates plain arrays."""
    rounds = [Round(train, test, targets, n_classes) for train, test in pairs]
    everything = np.unique(np.concatenate([np.concatenate(each) for each in pairs]))
    last = Round(everything, everything[:0], targets, n_classes) if final else None
    return module.cross_validate(
        Frozen(vectors, sets), rounds, clusters, Compute(), final=last, **options
    )


def in_order(outcome, what="probabilities"):
    """(M, C) of all folds, in order of item."""
    items = np.concatenate([fold.test for fold in outcome.folds])
    return np.concatenate([getattr(fold, what) for fold in outcome.folds])[np.argsort(items)]


def test_the_curve_of_an_average_is_that_of_what_is_averaged():
    vectors, targets = sample(90)
    config = Config("logistic", "last", 1.0)
    half = np.arange(vectors.shape[1] // 2)
    parts = [(config, half, 0.5), (config, half + len(half), 0.5)]
    learnt = Round(np.arange(90), np.arange(0), targets, int(targets.max()) + 1)
    frozen, clusters = Frozen(vectors, {}), np.arange(90)
    curve = [
        module.learning_curve(frozen, SimpleNamespace(parts=lambda p=p: p), learnt, clusters, CPU)[
            1
        ]
        for p in (parts, parts[:1], [parts[0], parts[0]])
    ]
    assert not np.array_equal(curve[0], curve[1])
    np.testing.assert_array_equal(curve[1], curve[2])


def labels_of(outcome):
    """(M,) predicted classes, in order of item."""
    return in_order(outcome).argmax(axis=1)


def learning_curve(
    vectors, columns, targets, clusters, config, *, n_classes, items=None, seed=0, **options
):
    """The curve of plain arrays."""
    fitted = SimpleNamespace(parts=lambda: [(config, columns, 1.0)])
    items = np.arange(len(targets)) if items is None else items
    learnt = Round(items, items[:0], targets, n_classes)
    frozen = Frozen(vectors, {"last": columns})
    return module.learning_curve(frozen, fitted, learnt, clusters, Compute(seed=seed), **options)


def test_cross_validation_covers_each_item_once():
    vectors, targets = sample(100)
    clusters = np.arange(100)
    outcome = cross_validate(vectors, SETS, targets, clusters, cross(targets, clusters),
    n_classes=3,
                   grid=GRID)  # fmt: skip
    np.testing.assert_array_equal(outcome.items, np.arange(100))
    assert in_order(outcome).shape == in_order(outcome, "uncalibrated").shape == (100, 3)
    np.testing.assert_allclose(in_order(outcome).sum(axis=1), 1, rtol=1e-4)
    assert (labels_of(outcome) == targets).mean() > 0.8
    assert len(outcome.probe.chosen_on) == 100  # the model that is kept has all of them


def test_one_round_predicts_its_test_items():
    vectors, targets = sample(90)
    train, test = np.arange(0, 60), np.array([80, 61, 70])
    outcome = cross_validate(
        vectors, SETS, targets, np.arange(90), [(train, test)], n_classes=3, grid=GRID
    )
    np.testing.assert_array_equal(outcome.items, [61, 70, 80])
    assert len(outcome.probe.held_out) == 60
    alone = outcome.probe.head.scores(vectors[[61, 70, 80]])
    np.testing.assert_array_equal(alone.argmax(axis=1), labels_of(outcome))


@pytest.mark.parametrize("final", [True, False])
def test_random_labels_give_chance(final):
    vectors, targets = sample(240, signal=0)
    targets = np.random.default_rng(0).permutation(targets)
    clusters = np.arange(240)
    outcome = cross_validate(vectors, SETS, targets, clusters, cross(targets, clusters),
    n_classes=3,
                   grid=GRID, final=final)  # fmt: skip
    assert 0.22 < (labels_of(outcome) == targets).mean() < 0.45


def test_test_items_are_never_looked_at():
    """Test items are replaced by nonsense; nothing but their own predictions may change."""
    vectors, targets = sample(90)
    train, test = np.arange(60), np.arange(60, 90)
    first = cross_validate(
        vectors, SETS, targets, np.arange(90), [(train, test)], n_classes=3, grid=GRID
    )
    other, wrong = vectors.copy(), targets.copy()
    other[test] = 1e3
    wrong[test] = (wrong[test] + 1) % 3
    second = cross_validate(
        other, SETS, wrong, np.arange(90), [(train, test)], n_classes=3, grid=GRID
    )
    assert second.probe.config == first.probe.config
    assert second.probe.temperature == first.probe.temperature
    for name, array in first.probe.head.arrays.items():
        np.testing.assert_array_equal(second.probe.head.arrays[name], array)


def test_rounds_choose_anew(monkeypatch):
    vectors, targets = sample(80)
    clusters = np.arange(80)
    trained = []
    real = module.probe

    def spy(frozen, labelled, compute, **options):
        trained.append(labelled.clusters[labelled.items])
        return real(frozen, labelled, compute, **options)

    monkeypatch.setattr(module, "probe", spy)
    rounds = cross(targets, clusters)
    cross_validate(vectors, SETS, targets, clusters, rounds, n_classes=3, grid=GRID)
    assert len(trained) == len(rounds) + 1
    for (train, test), groups in zip(rounds, trained, strict=False):
        assert set(groups) == set(train)
        assert not set(groups) & set(test)


# --- the learning curve -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
def test_curve_rises_with_what_there_is_to_learn(kind):
    vectors, targets = sample(400, classes=5, signal=0.7)
    config = Config(kind, "last", 5)
    sizes, accuracy, _ = learning_curve(
        vectors, np.arange(10), targets, np.arange(400), config, n_classes=5
    )
    assert accuracy.shape == (len(sizes), 5)
    assert (np.diff(sizes) > 0).all()
    assert sizes[0] == pytest.approx(400 * 0.8 / 8, abs=5)
    assert sizes[-1] == pytest.approx(320, abs=2)
    assert ((accuracy >= 0) & (accuracy <= 1)).all()
    assert accuracy[-1].mean() > accuracy[0].mean()
    assert accuracy[-1].mean() > 0.6


def masks_of(monkeypatch, vectors, targets, clusters, **options) -> np.ndarray:
    """The (P, N) masks of who trains in each problem of the curve, in the order of items."""
    seen = []
    real, chosen = module.held_out_scores, []

    def spy(classifier, space, y, *, weights, **more):
        seen.append(weights > 0)
        return real(classifier, space, y, weights=weights, **more)

    monkeypatch.setattr(module, "held_out_scores", spy)
    config = Config("prototypes", "last", 0)
    learning_curve(vectors, np.arange(10), targets, clusters, config, n_classes=3, **options)
    [masks] = seen
    rng = np.random.default_rng(options.get("seed", 0))
    chosen = rng.permutation(len(targets))[: module._CURVE_ON]
    ordered = np.empty_like(masks)
    ordered[:, chosen] = masks
    return ordered.reshape(5, -1, len(targets))


def test_smaller_shares_nest_and_no_cluster_straddles(monkeypatch):
    vectors, targets = sample(150)
    clusters = np.random.default_rng(0).integers(0, 50, 150)
    masks = masks_of(monkeypatch, vectors, targets, clusters)
    for smaller, larger in itertools.pairwise(masks):
        assert (smaller <= larger).all()
    whole = masks[-1]  # all that is not held out
    assert (whole.sum(axis=0) == 4).all()
    for trained in whole:
        assert not set(clusters[trained]) & set(clusters[~trained])


def test_curve_is_capped(monkeypatch):
    monkeypatch.setattr(module, "_CURVE_ON", 60)
    vectors, targets = sample(200)
    config = Config("logistic", "last", 1)
    sizes, _, _ = learning_curve(
        vectors, np.arange(10), targets, np.arange(200), config, n_classes=3
    )
    assert sizes[-1] == 48


@pytest.mark.parametrize("kind", ["logistic", "svm", "neighbours", "prototypes"])
def test_curve_of_few_images(kind):
    vectors, targets = sample(7)
    sizes, accuracy, _ = learning_curve(
        vectors, np.arange(10), targets, np.arange(7), Config(kind, "last", 3), n_classes=3
    )
    assert len(sizes) == len(accuracy)
    assert np.isfinite(accuracy).all()
    assert (np.diff(sizes) >= 0).all()


def test_a_fold_counts_as_many_items_as_it_holds_out():
    """A group of half of all images is a fold by itself; who is measured is every image."""
    vectors, targets = sample(120, signal=5)
    clusters = np.concatenate([np.zeros(60, int), 1 + np.arange(60) // 4])
    vectors[:60] = np.random.default_rng(1).normal(90, 1, (60, 10))  # shows no class
    config = Config("neighbours", "last", 1)
    _, accuracy, held = learning_curve(
        vectors, np.arange(10), targets, clusters, config, n_classes=3
    )
    assert sorted(held.tolist())[-1] == 60
    assert held.sum() == 120
    giant = accuracy[-1][held.argmax()]
    others = accuracy[-1][held != 60]
    assert giant < 0.6 < 0.9 < others.min()
    found = curve_section(np.array([50, 90, 96]), np.tile(accuracy[-1], (3, 1)), have=120,
                          tested=120, weights=held)  # fmt: skip
    pooled = float((accuracy[-1] * held).sum() / held.sum())
    assert found["points"][-1]["accuracy"].value == pytest.approx(pooled)
    assert pooled < accuracy[-1].mean() - 0.1


def test_the_curve_of_rounds_ends_at_what_was_measured():
    """Where few groups decide, what all of them chose is flattered by those that chose it."""
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(10), 12)
    targets = (np.arange(10) % 2)[clusters]
    looks = [0.5 * rng.normal(size=(2, 12))[targets] + 1.2 * rng.normal(size=(10, 12))[clusters]
             + 0.5 * rng.normal(size=(120, 12)) for _ in range(3)]  # fmt: skip
    frozen = Frozen(
        np.hstack(looks).astype(np.float32),
        {name: np.arange(12) + 12 * n for n, name in enumerate(("a", "b", "last"))},
    )
    grid = Grid(classifiers=("prototypes", "logistic"), logistic=(0.1, 10))
    rounds = [Round(*pair, targets, 2) for pair in cross(targets, clusters, k=5)]
    final = Round(np.arange(120), np.arange(0), targets, 2)
    found = module.cross_validate(frozen, rounds, clusters, CPU, final=final, grid=grid)
    right = np.concatenate(
        [fold.scores.argmax(axis=1) == targets[fold.test] for fold in found.folds]
    )
    sizes, values, held = module.curve_of_rounds(frozen, found.folds, CPU)
    assert (np.diff(sizes) > 0).all()
    assert held.sum() == 120
    assert values[-1] @ held / held.sum() == pytest.approx(right.mean(), abs=0.06)
    _, flattered, held = module.learning_curve(frozen, found.probe, final, clusters, CPU)
    assert flattered[-1] @ held / held.sum() > right.mean() + 0.1


def test_curve_is_the_same_for_one_seed():
    vectors, targets = sample(90, signal=0.4)
    config = Config("logistic", "last", 3)
    runs = [
        learning_curve(vectors, np.arange(10), targets, np.arange(90), config, n_classes=3,
                       seed=seed)[1]
        for seed in (0, 0, 1)
    ]  # fmt: skip
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
