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


@pytest.mark.parametrize("seed", range(3))
def test_pairs_against_going_through_them(seed):
    import itertools

    rng = np.random.default_rng(seed)
    photos = rng.integers(0, 4, 6)
    owners = np.repeat(np.arange(6), photos)
    pairs = [(a, b) for a, b in itertools.combinations(owners, 2) if a != b]
    chosen = [pair for pair in pairs if rng.random() < 0.3]
    found = pair_rate(np.array(chosen, int).reshape(-1, 2), photos, person_weights(6, seed=0))
    assert found.n == len(pairs)
    assert found.value == pytest.approx(len(chosen) / len(pairs))


@pytest.mark.parametrize("people", [1, 2, 30])
def test_as_many_people_are_drawn_as_there_are(people):
    weights = person_weights(people, seed=3, replicates=50)
    assert weights.shape == (50, people)
    assert (weights.sum(axis=1) == people).all()
    assert np.array_equal(weights, person_weights(people, seed=3, replicates=50))


def test_one_photo_each_is_wilsons():
    from headstart.metrics.interval import wilson

    hits = np.arange(20) % 3 == 0
    assert person_rate(hits, np.arange(20)) == wilson(hits.sum(), 20)


def test_photos_of_few_people_say_less():
    rng = np.random.default_rng(0)
    hits = np.repeat(rng.random(20) < 0.8, 10)
    alone, together = person_rate(hits, np.arange(200)), person_rate(hits, np.arange(200) // 10)
    assert alone.value == together.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_more_places_find_more(k):
    ranks = np.array([1, 3, 2, 9, 1, 5])
    assert rank_k(ranks, k, np.arange(6)).value == pytest.approx((ranks <= k).mean())


def test_chains_of_mistakes_join():
    people, impostors = np.arange(5), np.array([1, 2, 3, 4, 0])
    assert len(set(linked(people, impostors, np.ones(5, bool)))) == 1
    some = np.array([True, False, False, True, False])
    codes = linked(people, impostors, some)
    assert codes[0] == codes[1]
    assert codes[3] == codes[4]
    assert len(set(codes)) == 3


def test_an_impostor_who_has_no_photo_joins_those_taken_for_him():
    codes = linked(np.array([0, 1, 2]), np.array([9, 9, 0]), np.array([True, True, False]))
    assert codes[0] == codes[1] != codes[2]
