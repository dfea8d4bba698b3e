"""Chosen by images of another kind: what folds inside the training images cannot know."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.compute import Compute
from headstart.probe.classifiers import Config
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled, probe
from headstart.probe.trials import Grid
from headstart.probe.validated import held_inside, probe_validated, score_outside

GRID = Grid(classifiers=("prototypes", "logistic"), logistic=(1, 10))
TRAIN, VAL, TEST = np.arange(120), np.arange(120, 200), np.arange(200, 400)


def shifted(*, learnable: bool = False, seed: int = 0) -> tuple[Frozen, np.ndarray]:
    """Features with a shortcut that holds in training only, beside what holds everywhere.

    With `learnable` training images do not show what holds for the others, which they could teach.
    """
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, 400)
    signs = 2.0 * targets - 1
    vectors = rng.normal(size=(400, 12)).astype(np.float32)
    trains = np.arange(400) < 120
    vectors[:, 0] += np.where(trains, 4, 0) * signs
    vectors[:, 6] += np.where(trains & learnable, 0, 1.2) * signs
    vectors[:, 7] += 6 * trains  # by which the kinds are told apart
    slices = {"stage1": slice(6, 12), "last": slice(0, 6)}
    return Frozen.of_stages(vectors, slices), targets


def accuracy(found, frozen, targets) -> float:
    return float((found.head.scores(frozen.vectors[TEST]).argmax(axis=1) == targets[TEST]).mean())


def test_validation_images_see_through_a_shortcut():
    frozen, targets = shifted()
    labelled = Labelled(targets, np.arange(400), 2, TRAIN)
    by_folds = probe(frozen, labelled, Compute(), grid=GRID)
    assert by_folds.config.features == "last"
    found = probe_validated(frozen, labelled, VAL, Compute(), grid=GRID)
    assert found.probe.config.features != "last"
    assert accuracy(found.probe, frozen, targets) > accuracy(by_folds, frozen, targets) + 0.2
    chosen, *others = found.probe.trials
    assert chosen.chosen
    assert not any(each.chosen for each in others)
    assert chosen.accuracy.n == len(VAL)


def test_they_are_trained_on_where_that_teaches():
    frozen, targets = shifted(learnable=True)
    labelled = Labelled(targets, np.arange(400), 2, TRAIN)
    found = probe_validated(frozen, labelled, VAL, Compute(), grid=GRID)
    assert found.joined
    assert found.gain.low > 0
    assert accuracy(found.probe, frozen, targets) > 0.6
    assert set(found.probe.chosen_on) == set(TRAIN) | set(VAL)


def test_only_training_items_are_learnt_from_where_they_do_not_join(monkeypatch):
    frozen, targets = shifted()
    labelled = Labelled(targets, np.arange(400), 2, TRAIN)
    from headstart.probe import validated
    from headstart.records import Estimate

    worse = Estimate(-0.2, -0.3, -0.1, 80, "said so")
    monkeypatch.setattr(validated, "paired_difference", lambda *a, **k: worse)
    monkeypatch.setattr(validated, "_surely_better", lambda *a: True)
    found = probe_validated(frozen, labelled, VAL, Compute(), grid=GRID)
    assert not found.joined
    assert set(found.probe.chosen_on) == set(TRAIN)
    other = frozen.vectors.copy()
    other[TEST] = 0
    again = probe_validated(Frozen(other, frozen.sets), labelled, VAL, Compute(), grid=GRID)
    for name, array in found.probe.head.arrays.items():
        assert (again.probe.head.arrays[name] == array).all(), "test items change nothing"


def test_copies_of_validation_items_do_not_choose():
    # Every validation item is the copy of a training item with a chance label.
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 400)
    vectors = rng.normal(size=(400, 12)).astype(np.float32)
    vectors[VAL], targets[VAL] = vectors[TRAIN[:80]], targets[TRAIN[:80]]
    clusters = np.arange(400)
    clusters[VAL] = TRAIN[:80]
    frozen = Frozen.of_stages(vectors, {"stage1": slice(0, 6), "last": slice(6, 12)})
    labelled = Labelled(targets, clusters, 2, TRAIN)
    near = Grid(classifiers=("neighbours",), neighbours=(1,))
    fooled = probe_validated(frozen, labelled, VAL, Compute(), apart=False, grid=near)
    honest = probe_validated(frozen, labelled, VAL, Compute(), grid=near)
    assert fooled.probe.trials[0].accuracy.value == 1
    assert honest.probe.trials[0].accuracy.value < 0.75


def test_what_folds_chose_stays_unless_surely_worse():
    frozen, targets = shifted()
    labelled = Labelled(targets, np.arange(400), 2, TRAIN)
    best = probe_validated(frozen, labelled, VAL, Compute(), grid=GRID).probe.config
    kept = probe_validated(frozen, labelled, VAL, Compute(), standing=best, grid=GRID)
    assert kept.probe is None
    worse = Config("prototypes", "last", 0.0)
    found = probe_validated(frozen, labelled, VAL, Compute(), standing=worse, grid=GRID)
    assert found.probe is not None
    assert found.probe.config.features != "last"


@pytest.mark.parametrize("name", ["last", "all"])
def test_one_classifier_inside_and_outside(name):
    frozen, targets = shifted()
    labelled = Labelled(targets, np.arange(400), 2, TRAIN)
    config = Config("logistic", name, 10.0)
    items, held = held_inside(frozen, config, labelled, Compute())
    assert items.tolist() == TRAIN.tolist()
    assert (held.argmax(axis=1) == targets[TRAIN]).mean() > 0.9
    outside = score_outside(frozen, config, labelled, VAL)
    assert outside.shape == (80, 2)
    assert (outside.argmax(axis=1) == targets[VAL]).mean() < 0.85
