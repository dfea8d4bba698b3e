"""The best arm on held-out training images is kept, and it is said what that rests on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headstart.nets.dense_head import DenseHead, DensePlan
from headstart.strategies.mask_arms import Arm, Held
from headstart.strategies.mask_choice import compare_arms

HEAD = DenseHead(DensePlan("linear", (3,), (4,), (0,), 2), {})


def arm(name: str, right: int, rows: int = 10) -> Arm:
    counts = np.tile(np.array([[right, 100 - right], [100 - right, right]]), (rows, 1, 1))
    held = Held(np.arange(rows), counts, "5 folds")
    return Arm(name, name, HEAD, None, 64, 1.0, held, 1.0)  # type: ignore[arg-type]


def test_the_better_is_kept_by_the_images_that_both_held_out():
    trials = compare_arms([arm("linear", 80), arm("head", 90, rows=4)], np.arange(10), seed=0)
    assert trials.best.name == "head"
    first, second = trials.rows()
    assert first["arm"] == "head" and first["chosen"] and not second["chosen"]
    assert float(second["behind_low"]) > 0
    assert "linear every 4 px" in trials.said


def test_a_worse_head_is_not_kept():
    trials = compare_arms([arm("linear", 80), arm("head", 70)], np.arange(10), seed=0)
    assert trials.best.name == "linear" and trials.rows()[0]["arm"] == "linear"


def test_without_held_out_images_nothing_is_claimed():
    plain = [replace(arm(name, 80), held=None) for name in ("linear", "head")]
    trials = compare_arms(plain, np.arange(10), seed=0)
    assert trials.best.name == "head" and trials.said == ""
    assert trials.rows()[0]["mean_iou"] == ""


def test_what_learnt_on_takes_the_place_of_what_won():
    trials = compare_arms([arm("linear", 80), arm("head", 90)], np.arange(10), seed=0)
    after = replace(trials.best, seconds=9.0)
    assert trials.with_best(after).rows()[0]["seconds"] == "9.0"
