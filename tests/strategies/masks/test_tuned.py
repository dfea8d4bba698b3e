"""The fine-tuned arm: the network learns too, and what it learnt is an ordinary backbone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material, stop_at

from headstart.strategies.masks.head import HeadTask
from headstart.strategies.masks.material import read_masks
from headstart.strategies.masks.tuned import of_windows, tuned_arm
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints

RECIPE = MaskRecipe(batch=4, width=16, ema=0.9)


@pytest.fixture
def begin(tmp_path):
    prepared, network = material(discs(tmp_path / "data", 14, 2))
    items = np.flatnonzero(prepared.splits == "train")
    given = read_masks(prepared, items, network.preprocess, 4, QUIET)

    def arm(checkpoints, place, epochs=6):
        recipe = replace(RECIPE, epochs=epochs)
        task = HeadTask(prepared, given, network.backbone, network.preprocess, recipe)
        of = np.arange(len(items)) % 3
        return tuned_arm(task, Folds(of, 3), QUIET, States(checkpoints), place=place)

    return arm


def test_windows_show_much_of_few_images():
    many = MaskRecipe(epochs=80)
    assert [of_windows(many, images).epochs for images in (0, 20, 400, 5000)] == [80, 80, 4, 1]


def test_network_and_head_learn_and_the_network_can_be_opened(begin, tmp_path):
    began = begin(Checkpoints(None), tmp_path)
    assert began.arm.held.value > 0.6
    assert began.arm.head.plan.kind == "unet"
    kept = began.finish()
    assert list(began.history) == ["fine-tuned", "fine-tuned-all"]
    assert kept.backbone.fingerprint != began.arm.backbone.fingerprint
    ours, theirs = kept.backbone.network.state_dict(), began.arm.backbone.network.state_dict()
    assert set(ours) == set(theirs)
    assert any(not ours[name].equal(theirs[name]) for name in ours)


def test_stopped_at_any_step_it_ends_bit_for_bit_the_same(begin, tmp_path, monkeypatch):
    whole = begin(Checkpoints(None), tmp_path / "one", 3).finish()
    begun = stop_at((3, 9), monkeypatch)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            begin(Checkpoints(tmp_path, every=0), tmp_path, 3).finish()
    again = begin(Checkpoints(tmp_path, every=0), tmp_path, 3).finish()
    assert begun[0] > 9
    assert again.backbone.fingerprint == whole.backbone.fingerprint
    ours, theirs = whole.head.arrays, again.head.arrays
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
