"""Rates whose intervals rest on people."""

import numpy as np
import pytest

from headstart.metrics.subgroup_errors import linked, pair_rate, person_rate, person_weights, rank_k


def test_who_is_mistaken_for_each_other_is_drawn_as_one():
    people = np.array([0, 0, 1, 1, 2, 3, 4])
    impostors = np.array([1, 2, 0, 0, 3, 2, 0])
    accepted = np.array([True, False, True, False, True, False, False])
    codes = linked(people, impostors, accepted)
    assert codes[0] == codes[1] == codes[2] == codes[3]
    assert codes[4] == codes[5] != codes[0]
    assert len(set(codes)) == 3
    assert len(set(linked(people, impostors, np.zeros(7, bool)))) == 5


def test_rates_of_pairs_and_of_photos():
    photos = np.array([3, 2, 0, 4])
    accepted = np.array([[0, 1], [0, 3]])
    found = pair_rate(accepted, photos, person_weights(4, seed=0))
    assert found.n == 3 * 2 + 3 * 4 + 2 * 4
    assert found.value == pytest.approx(2 / 26)
    assert found.low < found.value < found.high
    none = pair_rate(np.empty((0, 2), int), photos, person_weights(4, seed=0))
    assert (none.value, none.low) == (0, 0)
    assert none.high > 0.5, "three people show next to nothing"
    ranks = np.array([1, 1, 2, 6, 1])
    assert rank_k(ranks, 1, np.arange(5)).value == pytest.approx(0.6)
    assert rank_k(ranks, 5, np.array([0, 0, 0, 1, 1])).value == pytest.approx(0.8)
    assert person_rate(np.array([], bool), np.array([], int)).n == 0
