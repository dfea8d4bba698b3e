"""What a strategy gives: records of what was tested, whatever the strategy was."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headstart.records import OutputSpec
from headstart.strategies.trained import Histories, Trained
from headstart.tasks import decode_parts
from headstart.training.schedule import Recipe

NAMES = tuple(f"{i}.png" for i in range(8))
SPEC = OutputSpec("classification", ("ant", "bee"))


def trained(*parts: list[int]) -> Trained:
    """Of rounds that tested these items."""
    answered = tuple(
        (np.array(items), {"probabilities": np.full((len(items), 2), 0.5)}, SPEC) for items in parts
    )
    return Trained(
        prepared=SimpleNamespace(), model=SimpleNamespace(), summary="a model",
        evaluation=("cv", "twice"), answered=answered,
        predictions=decode_parts(answered, NAMES)[1], uncalibrated=None,
        clusters=np.arange(8), dropped=np.zeros(8, bool), baselines={}, trials=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "items"),
    [([[3, 1]], [1, 3]), ([[7, 2], [0], [5, 4]], [0, 2, 4, 5, 7]), ([[6], []], [6])],
)
def test_tested_items_are_those_of_all_rounds_in_order(parts, items):
    found = trained(*parts)
    assert found.items.tolist() == items
    assert found.predictions.names == tuple(NAMES[i] for i in items)


def test_what_there_is_only_after_fine_tuning_is_empty_before():
    one, other = trained([0]), trained([1])
    assert (one.findings, one.histories, one.sections) == ((), None, {})
    one.sections["advice"] = {}
    assert other.sections == {}, "no two trainings share their sections"
    assert Histories({}, np.arange(3), Recipe()).more == ()
