import dataclasses

import numpy as np

from headstart.auditing.direction import by_chance, changed_answers


def test_answers_change_along_the_direction_and_hardly_along_chance(leaning):
    evidence, _ = leaning
    has = evidence.dataset.attributes["sex"] == "woman"
    known = np.ones(len(has), bool)
    share, chance = changed_answers(evidence, has, known), by_chance(evidence, has, known)
    assert share > 0.2
    assert chance < 0.1
    before = evidence.beside.coordinates.copy()
    assert (evidence.beside.coordinates == before).all(), "images themselves stay where they are"


def test_nothing_is_said_without_vectors_or_without_both_values(leaning):
    evidence, _ = leaning
    known = np.ones(len(evidence), bool)
    assert changed_answers(evidence, known, known) is None
    bare = dataclasses.replace(evidence, space=None, beside=None)
    assert changed_answers(bare, known, known) is None
    assert by_chance(bare, known, known) is None
