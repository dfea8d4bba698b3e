"""Retrieval measures against definitions written out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from headstart.metrics.retrieval import MEASURES, gain, neighbour_loss, retrieve, summarise


def angles(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_a_ranking_that_can_be_read():
    """A query at 0 degrees finds: right, wrong, right (of three that could be found)."""
    vectors = angles(0, 5, 10, 15, 90)
    identities = np.array([7, 7, 3, 7, 7])
    found = retrieve(vectors, identities)
    first = found.items.tolist().index(0)
    assert found.recall_at_1[first] == 1
    assert found.r_precision[first] == pytest.approx(2 / 3)
    assert found.map_at_r[first] == pytest.approx((1 / 1 + 2 / 3) / 3)
    # One of 5, 15 and 90 degrees against the other person's 10: only the first is nearer.
    assert found.one_shot[first] == pytest.approx(1 / 3)
    # The one image of person 3 has nothing to find.
    assert 2 not in found.items
    assert found.identities.tolist() == [7, 7, 7, 7]


def test_against_scikit_learn_and_brute_force():
    rng = np.random.default_rng(0)
    identities = rng.integers(0, 5, 40)
    vectors = rng.normal(size=(40, 6)) + 1.2 * rng.normal(size=(5, 6))[identities]
    found = retrieve(vectors, identities)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    from sklearn.neighbors import KNeighborsClassifier

    for place, item in enumerate(found.items[:12]):
        rest = np.delete(np.arange(40), item)
        model = KNeighborsClassifier(1).fit(unit[rest], identities[rest])
        assert found.recall_at_1[place] == (
            model.predict(unit[item : item + 1])[0] == identities[item]
        )
        cosines = unit @ unit[item]
        galleries = [rest[identities[rest] == who] for who in np.unique(identities)]
        wins = [
            identities[max(drawn, key=lambda i: cosines[i])] == identities[item]
            for drawn in itertools.islice(itertools.product(*galleries), 0, None, 97)
        ]
        assert found.one_shot[place] == pytest.approx(np.mean(wins), abs=0.08)


def test_order_of_items_does_not_matter():
    rng = np.random.default_rng(1)
    identities, vectors = rng.integers(0, 4, 30), rng.normal(size=(30, 5))
    found, shuffle = retrieve(vectors, identities), rng.permutation(30)
    again = retrieve(vectors[shuffle], identities[shuffle])
    back = np.argsort(shuffle[again.items])
    for name in MEASURES:
        assert np.allclose(getattr(found, name), getattr(again, name)[back])


def test_finding_a_copy_is_no_merit():
    vectors, identities = angles(0, 0, 40, 20, 25), np.array([0, 0, 0, 1, 1])
    plain = retrieve(vectors, identities)
    honest = retrieve(vectors, identities, copies=np.array([0, 0, 1, 2, 3]))
    assert plain.recall_at_1[0] == 1
    assert honest.recall_at_1[0] == 0
    everything = retrieve(angles(0, 0, 9), np.array([0, 0, 1]), copies=np.array([0, 0, 1]))
    assert not len(everything.items)


def test_intervals_are_over_people():
    rng = np.random.default_rng(2)
    identities = np.repeat(np.arange(12), 8)
    vectors = rng.normal(size=(96, 4)) + 1.0 * rng.normal(size=(12, 4))[identities]
    measured = summarise(retrieve(vectors, identities))
    assert set(measured) == set(MEASURES)
    for each in measured.values():
        assert 0 <= each.low <= each.value <= each.high <= 1
        assert "12 clusters" in each.method
    better = retrieve(vectors + 3 * rng.normal(size=(12, 4))[identities], identities)
    change = gain(better, retrieve(vectors, identities))
    assert change["map_at_r"].low > 0
    nothing = gain(better, better)["map_at_r"]
    assert nothing.value == nothing.low == nothing.high == 0


def test_what_cannot_be_measured_is_said():
    with pytest.raises(ValueError, match="nothing to retrieve"):
        summarise(retrieve(angles(0, 10), np.array([0, 1])))
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        retrieve(np.zeros(3), np.zeros(3))


def test_neighbour_loss_falls_as_people_come_apart():
    identities = np.repeat([0, 1], 3)
    near, far = angles(0, 20, 40, 10, 30, 50), angles(0, 2, 4, 90, 92, 94)
    assert neighbour_loss(far, identities) < neighbour_loss(near, identities)
    assert neighbour_loss(far, identities) < 0.01
    assert np.isnan(neighbour_loss(angles(0, 50), np.array([0, 1])))
