"""Twins in the eyes of a network are named, and photographs of different things are not."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.checks.nearness import check_nearness
from headstart.data.dataset import Dataset


def vectors(originals: int, versions: int, spread: float, seed: int = 0) -> np.ndarray:
    """Versions of each original, so far from it."""
    rng = np.random.default_rng(seed)
    base = np.repeat(rng.normal(size=(originals, 64)) + 2, versions, axis=0)
    return base + spread * rng.normal(size=base.shape)


def found(given: np.ndarray, clusters: np.ndarray | None = None) -> list:
    dataset = Dataset.unlabelled([f"{i}.jpg" for i in range(len(given))])
    alone = np.arange(len(given)) if clusters is None else clusters
    return list(check_nearness(given, dataset, alone))


def test_versions_are_found():
    [finding] = found(vectors(40, 3, 0.3))
    assert finding.severity == "serious"
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


def test_what_is_kept_together_already_does_not_count():
    assert found(vectors(40, 3, 0.3), np.repeat(np.arange(40), 3)) == []


def test_few_images_say_nothing():
    assert found(vectors(5, 3, 0.1)) == []


def test_of_many_a_thousand_are_looked_at():
    [finding] = found(vectors(700, 2, 0.2))
    assert "1,000 images" in finding.claim
