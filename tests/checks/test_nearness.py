"""Twins in the eyes of a network are named, and photographs of different things are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.checks.nearness import find_near
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes


def vectors(originals: int, versions: int, spread: float, seed: int = 0) -> np.ndarray:
    """Versions of each original, so far from it."""
    rng = np.random.default_rng(seed)
    base = np.repeat(rng.normal(size=(originals, 64)) + 2, versions, axis=0)
    return base + spread * rng.normal(size=base.shape)


def labelled(targets: np.ndarray) -> Dataset:
    names = tuple(f"{i:03}.jpg" for i in range(len(targets)))
    classes = tuple(f"class{k:02}" for k in range(targets.max() + 1))
    return Dataset(Path(), names, Classes(classes, targets), np.full(len(targets), ""))


def found(given: np.ndarray, clusters: np.ndarray | None = None) -> list:
    dataset = Dataset.unlabelled([f"{i}.jpg" for i in range(len(given))])
    alone = np.arange(len(given)) if clusters is None else clusters
    return list(find_near(given, dataset, alone).findings)


def test_versions_are_found():
    [finding] = found(vectors(40, 3, 0.3))
    assert finding.severity == "warning"  # they are kept together
    assert "kept on one side" in finding.remedy
    assert finding.count == 120
    left, right = finding.evidence[0].split(" ~ ")
    assert left == "0.jpg"
    assert right in ("1.jpg", "2.jpg")


@pytest.mark.parametrize("seed", range(5))
def test_different_things_are_not(seed):
    assert found(vectors(120, 1, 0.0, seed)) == []


def test_a_few_twins_are_a_warning():
    given = vectors(200, 1, 0.0)
    given[:4] = given[10:14] + 0.01
    [finding] = found(given)
    assert finding.severity == "warning"
    assert finding.count == 8


def test_small_images_look_alike_and_are_no_alarm():
    given = vectors(200, 1, 0.0)
    given[:12] = given[20:32] + 0.01
    dataset = Dataset.unlabelled([f"{i}.jpg" for i in range(200)])
    [large] = find_near(given, dataset, np.arange(200)).findings
    [small] = find_near(given, dataset, np.arange(200), small=True).findings
    assert (large.severity, small.severity) == ("serious", "warning")
    assert "or at this size different things can look alike too?" in small.claim


def test_what_is_kept_together_already_does_not_count():
    assert found(vectors(40, 3, 0.3), np.repeat(np.arange(40), 3)) == []


def test_few_images_say_nothing():
    assert found(vectors(5, 3, 0.1)) == []


def test_of_many_a_thousand_are_looked_at():
    [finding] = found(vectors(700, 2, 0.2))
    assert "1,000 images" in finding.claim


def test_where_versions_are_the_rule_they_stay_together():
    given = vectors(40, 5, 0.3)
    dataset = labelled(np.arange(200) // 5 % 2)
    near = find_near(given, dataset, np.arange(200))
    truth = np.arange(200) // 5
    assert np.array_equal(near.clusters[:, None] == near.clusters, truth[:, None] == truth)


def test_what_was_together_stays_together():
    before = np.arange(200)
    before[199] = 0
    near = find_near(vectors(40, 5, 0.3), labelled(np.arange(200) // 5 % 2), before)
    assert near.clusters[199] == near.clusters[0] == near.clusters[4]


def test_a_class_that_is_itself_so_close_is_left_to_be_split():
    """Five photographs of each of forty people: to join them would leave nothing to learn."""
    near = find_near(vectors(40, 5, 0.3), labelled(np.arange(200) // 5), np.arange(200))
    assert np.array_equal(near.clusters, np.arange(200))
    [finding] = near.findings
    assert finding.severity == "serious"
    assert "--group" in finding.remedy


def test_things_that_look_alike_and_are_not_the_same_are_not_joined():
    labels = np.arange(200) // 5 % 2
    labels[::5] = 1 - labels[::5]  # of each five one is something else
    near = find_near(vectors(40, 5, 0.3), labelled(labels), np.arange(200))
    assert np.array_equal(near.clusters, np.arange(200))
    assert near.findings[0].severity == "serious"
