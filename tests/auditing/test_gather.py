import dataclasses

import numpy as np
import pytest

from headstart.auditing.gather import cell_weights, what_to_gather

WORDS = ("young", "old", "woman", "man")


def test_weights_make_every_value_count_alike_within_its_class():
    targets = np.array([0] * 10 + [1] * 10)
    values = np.array([0] * 9 + [1] + [1] * 8 + [0, -1])
    weights = cell_weights(targets, values)
    assert weights.mean() == pytest.approx(1)
    cell = {(t, v): weights[(targets == t) & (values == v)].sum() for t in (0, 1) for v in (0, 1)}
    assert cell[0, 0] == pytest.approx(cell[0, 1])
    assert cell[1, 0] == pytest.approx(cell[1, 1])
    assert weights[targets == 0].sum() == pytest.approx(weights[targets == 1].sum())


def test_the_cells_are_named_and_a_gain_is_forecast(leaning):
    evidence, _ = leaning
    values = (evidence.dataset.attributes["sex"] == "woman").astype(int)
    found = what_to_gather(evidence, values, (1, 1), WORDS)
    assert [(w.kind, w.value, w.have, w.more) for w in found.wanted] == [
        ("young", "man", 6, 40), ("old", "woman", 6, 40),
    ]  # fmt: skip
    assert found.now < found.weighted <= found.then <= 1


def test_of_too_few_nothing_is_forecast(leaning):
    evidence, _ = leaning
    values = (evidence.dataset.attributes["sex"] == "woman").astype(int)
    values[:4] = -1
    found = what_to_gather(evidence, values, (1, 1), WORDS)
    assert found.wanted[1].have == 2
    assert found.then is None
    bare = dataclasses.replace(evidence, space=None, beside=None)
    assert what_to_gather(bare, values, (1, 1), WORDS).weighted is None
