"""Two sets of vectors: told apart where they differ, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.two_sample import independent_difference, share_of, two_sample_test


def sets(
    n: int = 120, *, shift: float = 0.0, seed: int = 0, odds: tuple[float, float] = (0.5, 0.5)
):
    """(N, D) vectors of two classes and two sides; the second side is moved along one axis."""
    rng = np.random.default_rng(seed)
    second = np.arange(n) % 2 == 1
    classes = (rng.random(n) < np.where(second, odds[1], odds[0])).astype(int)
    vectors = rng.normal(size=(n, 20)).astype(np.float32)
    vectors[:, 0] += 4 * classes
    vectors[:, 1] += shift * second
    return vectors, second, classes


def test_a_shift_is_seen():
    vectors, second, classes = sets(shift=2.0)
    found = two_sample_test(vectors, second, classes, np.arange(120))
    assert found is not None
    assert found.auroc > 0.8
    assert found.p_value <= 0.01
    assert (found.first, found.second, found.clusters) == (60, 60, 120)


def test_without_a_shift_it_is_seldom_sure():
    values = []
    for seed in range(60):
        vectors, second, classes = sets(seed=seed)
        found = two_sample_test(
            vectors, second, classes, np.arange(120), permutations=99, seed=seed
        )
        values.append(found.p_value)
    assert np.mean(np.array(values) <= 0.05) <= 0.12
    assert 0.3 < np.mean(values) < 0.7


def test_shares_of_the_classes_do_not_count():
    values = []
    for seed in range(20):
        vectors, second, classes = sets(seed=seed, odds=(0.15, 0.85))
        found = two_sample_test(vectors, second, classes, np.arange(120), permutations=99)
        values.append(found.p_value)
    assert np.mean(np.array(values) <= 0.05) <= 0.2
    blind = two_sample_test(vectors, second, np.zeros(120, int), np.arange(120))
    assert blind.p_value <= 0.01, "the classes alone would tell the sides apart"


def test_few_clusters_are_never_sure():
    # Four people, two on each side, who look different: as like as not by chance.
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(4), 30)
    vectors = (3 * rng.normal(size=(4, 20))[people] + rng.normal(size=(120, 20))).astype(np.float32)
    second, classes = people >= 2, np.zeros(120, int)
    assert two_sample_test(vectors, second, classes, people).p_value > 0.1
    assert two_sample_test(vectors, second, classes, np.arange(120)).p_value <= 0.01


def test_clusters_on_both_sides_are_pairs():
    # Each object once on each side, differing far more between objects than between sides.
    rng = np.random.default_rng(0)
    objects = np.repeat(np.arange(60), 2)
    second = np.arange(120) % 2 == 1
    vectors = (2 * rng.normal(size=(60, 20))[objects] + rng.normal(size=(120, 20))).astype(
        np.float32
    )
    classes = np.zeros(120, int)
    assert two_sample_test(vectors, second, classes, objects).p_value > 0.05
    vectors[:, 0] += 3 * second
    assert two_sample_test(vectors, second, classes, objects).p_value <= 0.01


def test_what_cannot_be_compared():
    vectors, second, classes = sets()
    one = np.arange(120) == 1
    assert two_sample_test(vectors, one, classes, np.arange(120)) is None
    # Classes that share nothing are compared as they are.
    apart = np.where(second, 1, 0)
    found = two_sample_test(vectors, second, apart, np.arange(120))
    assert found is not None
    assert found.first == 60


def test_large_sets_are_looked_at_in_part():
    vectors, second, classes = sets(3_000, shift=1.0)
    found = two_sample_test(vectors, second, classes, np.arange(3_000), permutations=99)
    assert (found.first, found.second) == (600, 600)
    assert found.p_value == pytest.approx(0.01)


def test_the_difference_of_two_shares():
    alone = np.arange(100)
    first = share_of(np.arange(100) < 90, alone)
    second = share_of(np.arange(100) < 60, alone)
    found = independent_difference(first, second)
    assert found.value == pytest.approx(0.3)
    assert 0.15 < found.low < 0.3 < found.high < 0.45
    assert independent_difference(second, first).high == pytest.approx(-found.low)
    # The same answers in ten clusters are worth less.
    crowded = share_of(np.arange(100) < 90, alone // 10)
    assert crowded.high - crowded.low > 1.5 * (first.high - first.low)
    sure = share_of(np.arange(100) < 90, alone, level=0.999)
    assert sure.low < first.low < first.high < sure.high
