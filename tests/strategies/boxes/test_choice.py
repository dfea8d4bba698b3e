"""Which way of finding boxes is kept."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from tests.strategies.boxes.test_held import found, material

from headstart.strategies.boxes.choice import BoxArm, compare_box_arms
from headstart.strategies.boxes.held import BoxOperating

HEAD = SimpleNamespace(kind="levels")


def arm(name: str, held: object, seconds: float = 1.0) -> BoxArm:
    return BoxArm(name, name, HEAD, None, 64, held, BoxOperating(), seconds)


def test_the_better_one_on_common_images_is_kept():
    given = material()
    arms = [
        arm("probe", found(given, 6.0, np.arange(12))),
        arm("fine-tuned", found(given, 0.2, np.arange(0, 12, 2))),
    ]
    trials = compare_box_arms(arms, given, np.arange(12), seed=0)
    assert trials.best is arms[1]
    assert trials.gains[1] is None
    assert trials.gains[0][0] > 0
    assert " above that of the next best, probe (95%: +" in trials.said
    first, second = trials.rows()
    assert float(first["map"]) > float(second["map"])
    assert float(first["map_50"]) >= float(first["map"])
    assert list(first) == [
        "arm", "input", "head", "epochs", "held_out", "map", "map_50", "behind_low", "behind_high",
        "threshold", "seconds", "chosen",
    ]  # fmt: skip


def test_nothing_held_out_keeps_the_first():
    given = material()
    trials = compare_box_arms(
        [arm("probe", None), arm("fine-tuned", None)], given, np.arange(12), seed=0
    )
    assert trials.chosen == 0
    assert trials.rows()[0]["map"] == ""


def test_no_object_on_what_is_held_out_keeps_the_first():
    given = material(6, empty=tuple(range(6)))
    rows = np.arange(6)
    arms = [arm("probe", found(given, 1.0, rows)), arm("fine-tuned", found(given, 0.1, rows))]
    trials = compare_box_arms(arms, given, rows, seed=0)
    assert trials.chosen == 0
    assert trials.said == ""
