"""Mirror images: flips stay unless held-out images say that they change the class."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headstart.tasks.classification.mirror import flip_invariant

TARGETS = np.arange(40) % 2


class Told:
    """Stands for a training whose network names these images rightly, plain and mirrored."""

    def __init__(self, plain: np.ndarray, mirrored: np.ndarray) -> None:
        self.right = {False: plain, True: mirrored}

    def outputs(self, inputs: object, pool: object, *, mirrored: bool = False) -> np.ndarray:
        return np.eye(2)[np.where(self.right[mirrored], TARGETS, 1 - TARGETS)]


def keeps(plain: np.ndarray, mirrored: np.ndarray) -> bool:
    validation = SimpleNamespace(inputs=None, targets=TARGETS)
    told = Told(plain, mirrored)
    return flip_invariant(told, validation, None, told.outputs(None, None))  # type: ignore[arg-type]


def wrong(*items: int) -> np.ndarray:
    right = np.ones(40, bool)
    right[list(items)] = False
    return right


def test_the_same_answers_keep_the_class():
    assert keeps(wrong(3, 4), wrong(3, 4))
    assert keeps(wrong(), wrong())


def test_a_network_that_knows_nothing_forbids_nothing():
    assert keeps(wrong(*range(0, 40, 2)), wrong(*range(1, 40, 2)))


@pytest.mark.parametrize(("spoilt", "kept"), [(3, True), (4, True), (5, False), (20, False)])
def test_spoilt_predictions_that_chance_does_not_explain(spoilt, kept):
    # One-sided sign test: 0.5 ** 4 = 0.0625, 0.5 ** 5 = 0.031.
    assert keeps(wrong(), wrong(*range(spoilt))) is kept


def test_mended_predictions_count_against_spoilt_ones():
    assert keeps(wrong(*range(10)), wrong(*range(10, 20)))
    assert keeps(wrong(*range(20)), wrong())
