"""Splits by identity: nobody is on both sides, and a given split is kept only if it is so."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import DataError
from headstart.tasks.identity.split import both_sides, hold_identities, split_identities

NONE = np.full(80, "")
PEOPLE = np.repeat(np.arange(20), 4)
NAMES = [f"person {i}" for i in range(100)]


def test_half_of_the_people_are_held_out_entirely():
    split = split_identities(PEOPLE, NONE, NAMES, seed=3)
    assert split.kind == "drawn"
    assert not set(PEOPLE[split.train]) & set(PEOPLE[split.test])
    assert len(np.unique(PEOPLE[split.test])) == 10
    assert (split.train ^ split.test).all()
    again = split_identities(PEOPLE, NONE, NAMES, seed=3)
    assert (again.test == split.test).all()
    assert (split_identities(PEOPLE, NONE, NAMES, seed=4).test != split.test).any()
    assert len(np.unique(PEOPLE[split_identities(PEOPLE, NONE, NAMES, unseen=0.01).test])) == 2
    assert len(np.unique(PEOPLE[split_identities(PEOPLE, NONE, NAMES, unseen=0.99).train])) == 4


def test_one_person_more_moves_hardly_anybody():
    def sides(names: list[str]) -> dict[str, int]:
        """Says of every person: trains, decides or tests."""
        targets = np.repeat(np.arange(len(names)), 4)
        split = split_identities(targets, np.full(len(targets), ""), names, seed=3)
        side = np.where(split.test, 2, 0)
        train = np.flatnonzero(split.train)
        side[train[hold_identities(targets[train], names, seed=3)]] = 1
        return dict(zip(names, side[::4].tolist()))

    before = sides(NAMES[:40])
    for new in ("aaron", "person 2b", "zoe"):
        after = sides(sorted([*NAMES[:40], new]))
        assert sum(before[name] != after[name] for name in before) <= 2, new


def test_a_split_by_identity_is_kept():
    given = np.where(PEOPLE < 14, "train", "test")
    split = split_identities(PEOPLE, given, NAMES)
    assert split.kind == "given"
    assert (split.test == (given == "test")).all()
    assert not len(both_sides(PEOPLE, given))
    assert (
        split_identities(PEOPLE, np.where(PEOPLE < 14, "train", "val"), NAMES).test == split.test
    ).all()


def test_a_split_with_the_same_people_on_both_sides_is_not():
    given = np.where(np.arange(80) % 4 == 0, "test", "train")
    assert both_sides(PEOPLE, given).tolist() == list(range(20))
    split = split_identities(PEOPLE, given, NAMES)
    assert split.kind == "redrawn"
    assert "20 people on both sides" in split.summary
    assert not set(PEOPLE[split.train]) & set(PEOPLE[split.test])


def test_people_with_one_image_are_held_out_last():
    targets = np.concatenate([PEOPLE, np.arange(20, 40)])
    split = split_identities(targets, np.full(100, ""), NAMES, unseen=0.5)
    assert targets[split.test].max() < 20


def test_those_who_decide_are_people_too():
    for count in (4, 5, 12):
        targets = np.repeat(np.arange(count), 3)
        held = hold_identities(targets, NAMES, seed=1)
        assert not set(targets[held]) & set(targets[~held])
        assert len(np.unique(targets[held])) >= 2
        assert len(np.unique(targets[~held])) >= 2


def test_too_few_people_are_refused_with_a_way_out():
    with pytest.raises(DataError, match=r"3 identities are too few.*--task identity"):
        split_identities(np.repeat([0, 1, 2], 9), np.full(27, ""), NAMES)
    given = np.where(PEOPLE < 18, "test", "train")
    with pytest.raises(DataError, match="2 identities to train on"):
        split_identities(PEOPLE, given, NAMES)
