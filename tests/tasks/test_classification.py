"""Classes: encoded, decoded, measured and shown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from headstart.data.labels import Classes
from headstart.errors import DataError
from headstart.metrics.statistic import estimate
from headstart.predictions import ClassProbabilities
from headstart.records import OutputSpec
from headstart.tasks import classification
from headstart.tasks.protocol import Places

LABELS = Classes(("ants", "bees"), np.array([0, 1, -1, 1]))


def test_classes_are_learnt_as_they_are():
    target = classification.encode(LABELS, np.array([0, 1]))
    assert target.classes is LABELS.targets
    assert target.spec == OutputSpec("classification", ("ants", "bees"))


def test_labels_are_told_in_terms_of_a_model():
    spec = OutputSpec("classification", ("bees", "cats", "ants"))
    assert classification.encode(LABELS, np.arange(4), spec).classes.tolist() == [2, 0, -1, 0]
    unused = Classes(("ants", "bees", "wasps"), LABELS.targets)
    assert classification.in_terms_of(spec.names, unused).tolist() == [2, 0, -1, 0]
    few = OutputSpec("classification", ("ants",))
    with pytest.raises(DataError, match=r"does not know \(bees\); it knows ants"):
        classification.encode(LABELS, np.arange(4), few)


def test_outputs_are_named():
    chances = np.array([[0.3, 0.7], [np.nan, np.nan]])
    places = Places(("a", "b"), {"b": "empty"}, threshold=0.8)
    spec = OutputSpec("classification", ("ants", "bees"))
    found = classification.decode({"probabilities": chances}, spec, places)
    assert found.record(0)["class"] == "bees"
    assert not found.record(0)["sure"]
    assert found.record(1)["error"] == "empty"


def test_measures_and_details_are_of_the_same_answers():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(2), 60)
    labels = Classes(("bees", "ants"), rng.integers(0, 2, 60))  # in another order
    found = ClassProbabilities(tuple(map(str, range(60))), ("ants", "bees"), chances)
    right = np.array([found.classes[i] for i in found.labels]) == np.array(
        [labels.text(i) for i in range(60)]
    )
    values = {key: estimate(each) for key, each in classification.measures(found, labels).items()}
    assert values["accuracy"].value == right.mean()
    shown = classification.details(found, labels, None, 0)
    counts = np.array(shown["confusion"]["counts"])
    assert np.trace(counts) == right.sum()
    assert [row["n"] for row in shown["per_class"]] == counts.sum(axis=1).tolist()
    recalls = [row["recall"].value for row in shown["per_class"]]
    assert values["balanced_accuracy"].value == pytest.approx(np.mean(recalls))
    off = sum((each.confidence - each.accuracy) ** 2 * each.n for each in shown["reliability"]) / 60
    assert values["ece"].low <= off**0.5 <= values["ece"].high
    assert "debiased" in values["ece"].method
    assert {each["name"] for each in shown["mistakes"]} <= set(np.flatnonzero(~right).astype(str))


def test_the_majority_is_that_of_the_training_items():
    labels = Classes(("a", "b"), np.array([1, 1, 0, 0, 0, 0]))
    found = classification.baselines(labels, tuple("uvwxyz"), np.arange(3), np.arange(3, 6))
    assert found["majority"].labels.tolist() == [1, 1, 1]
    assert found["majority"].names == ("x", "y", "z")


def test_folds_are_ranked_apart():
    """Models whose scores are not on one scale: each ranks well, all together ranks badly."""
    rng = np.random.default_rng(0)
    targets, folds = rng.integers(0, 2, 100), np.arange(100) % 5
    first = 1 / (1 + np.exp(-(rng.normal(size=100) + 2 * (1 - targets) + 3 * (folds - 2))))
    found = ClassProbabilities(
        tuple(map(str, range(100))), ("ants", "bees"), np.stack([first, 1 - first], axis=1)
    )
    labels = Classes(("ants", "bees"), targets)
    pooled = classification.measures(found, labels)["auroc"].value
    apart = dataclasses.replace(found, models=folds)
    within = estimate(classification.measures(apart, labels)["auroc"])
    assert pooled < 0.75 < 0.85 < within.value
    assert "within folds" in within.method
    some = apart.take(np.arange(50))
    assert some.models.tolist() == folds[:50].tolist()
