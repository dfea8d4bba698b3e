"""The head arm: it learns, is compared on a fold it has not seen, and goes on with all images."""

from __future__ import annotations

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material

from headstart.strategies.masks.head import HeadTask, head_arm
from headstart.strategies.masks.material import read_masks
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training

RECIPE = MaskRecipe(epochs=8, batch=4, width=16, views=2)


@pytest.fixture
def begin(tmp_path):
    prepared, network = material(discs(tmp_path / "data", 14, 2))
    items = np.flatnonzero(prepared.splits == "train")
    given = read_masks(prepared, items, network.preprocess, 4, QUIET)

    def arm(checkpoints, folds=3):
        of = np.arange(len(items)) % folds
        task = HeadTask(prepared, given, network.backbone, network.preprocess, RECIPE)
        return head_arm(task, Folds(of, folds), QUIET, States(checkpoints))

    return arm


def test_it_learns_and_goes_on(begin):
    began = begin(Checkpoints(None))
    assert began.arm.held.value > 0.75
    assert began.arm.held.how == "1 of 3 folds"
    assert len(began.arm.held.rows) == 4
    kept = began.finish()
    assert kept.head.fault() is None
    assert list(began.history) == ["head", "head-all"]
    assert [len(each) for each in began.history.values()] == [8, 2]
    name = next(iter(kept.head.arrays))
    assert not np.array_equal(kept.head.arrays[name], began.arm.head.arrays[name])


def test_stopped_at_any_step_it_ends_bit_for_bit_the_same(begin, tmp_path, monkeypatch):
    whole = begin(Checkpoints(None)).finish().head.arrays
    learn, count = Training._learn, 0

    def stops(self, *given):
        nonlocal count
        count += 1
        if count in (9, 20):
            raise KeyboardInterrupt
        return learn(self, *given)

    monkeypatch.setattr(Training, "_learn", stops)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            begin(Checkpoints(tmp_path, every=0)).finish()
    again = begin(Checkpoints(tmp_path, every=0)).finish().head.arrays
    assert count > 20
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
