"""The linear arm, from maps to probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.strategies.mask_sets import QUIET, discs, material

from headstart.nets.masks.head import DenseHead, DensePlan
from headstart.probe.dense_scores import confusions, mean_overlap
from headstart.strategies.masks.arms import (
    Arm,
    HeldCounts,
    compare_arms,
    dense_probabilities,
    linear_arm,
    plan_of,
)
from headstart.strategies.masks.material import read_masks
from headstart.strategies.placed.problem import Folds


def test_it_is_measured_on_what_it_has_not_seen_and_tells_discs(tmp_path):
    prepared, network = material(discs(tmp_path, 16, 4))
    train, test = np.arange(4, 16), np.arange(4)
    given = read_masks(prepared, train, network.preprocess, 4, QUIET)
    own = network.maps.take(np.isin(np.arange(16), train))
    arm = linear_arm(
        own, given, network.backbone, Folds(np.arange(12) % 3, 3), QUIET, stride=4, balance="auto"
    )
    assert arm.held.value > 0.7
    assert arm.row()["held_out"] == "3 folds"
    found = dense_probabilities(arm.head, arm.temperature, network.maps, test)
    truth = read_masks(prepared, test, network.preprocess, 4, QUIET).truth
    counts = confusions(np.log(found.astype(np.float32) + 1e-4), truth)
    assert mean_overlap(counts.sum(0)) > 0.7
    plan = plan_of("linear", network.maps.layout, 10**6, 2)
    assert plan.stages == (len(network.maps.layout.shapes) - 1,)


def test_counts_of_some_images_are_found_again():
    held = HeldCounts(np.array([3, 1, 5]), np.arange(12).reshape(3, 2, 2), "1 of 5 folds")
    assert (held.on(np.array([5, 3])) == held.counts[[2, 0]]).all()


HEAD = DenseHead(DensePlan("linear", (3,), (4,), (0,), 2), {})


def tried(name: str, right: int, rows: int = 10) -> Arm:
    counts = np.tile(np.array([[right, 100 - right], [100 - right, right]]), (rows, 1, 1))
    held = HeldCounts(np.arange(rows), counts, "5 folds")
    return Arm(name, name, HEAD, None, 64, 1.0, held, 1.0)  # type: ignore[arg-type]


def test_the_better_is_kept_by_the_images_that_both_held_out():
    trials = compare_arms([tried("linear", 80), tried("head", 90, rows=4)], np.arange(10), seed=0)
    assert trials.best.name == "head"
    first, second = trials.rows()
    assert first["arm"] == "head"
    assert float(second["behind_low"]) > 0
    assert trials.said.endswith("linear every 4 px (95%: +0.152 to +0.152).")
    worse = compare_arms([tried("linear", 80), tried("head", 70)], np.arange(10), seed=0)
    assert worse.best.name == "linear"
    asked = [tried("linear", 80), tried("head", 70)]
    forced = compare_arms(asked, np.arange(10), seed=0, last=True)
    assert forced.best.name == "head"
    assert float(forced.rows()[1]["behind_high"]) < 0  # and how much worse it is stands there
    assert " below that of the next best" in forced.said


def some(name: str, rights: list[int]) -> Arm:
    counts = np.array([[[right, 100 - right], [100 - right, right]] for right in rights])
    held = HeldCounts(np.arange(len(rights)), counts, "5 folds")
    return replace(tried(name, 80), held=held)


def test_a_head_that_is_not_surely_worse_is_kept_before_a_linear_one():
    linear = some("linear", [70, 90, 80, 75, 85, 60, 95, 80])
    equal = some("head", [90, 70, 79, 84, 75, 70, 84, 80])
    trials = compare_arms([linear, equal], np.arange(8), seed=0)
    assert trials.best.name == "head"
    assert " below that of the next best" in trials.said
    assert "Of equals the head is kept." in trials.said
    other = compare_arms([linear, replace(equal, name="fine-tuned")], np.arange(8), seed=0)
    assert other.best.name == "linear"
    assert "Of equals" not in other.said


def test_network_and_head_together_are_kept_where_nine_of_ten_draws_are_for_them():
    linear, head = tried("linear", 60, rows=8), some("head", [80, 70, 90, 75, 85, 80, 70, 90])
    # Better in the sum: by luck, by what 95 % would call luck, and surely.
    for more, best in (
        ((9, -9, 9, -8, 9, -8, 9, -8), "head"),
        ((7, -2, 7, -2, 6, -1, 5, -1), "fine-tuned"),
        ((5, 6, 5, 4, 5, 6, 5, 4), "fine-tuned"),
    ):
        rights = [80, 70, 90, 75, 85, 80, 70, 90]
        both = some("fine-tuned", [a + b for a, b in zip(rights, more, strict=True)])
        trials = compare_arms([linear, head, both], np.arange(8), seed=0)
        assert trials.best.name == best
        assert ("Of equals" in trials.said) is (best == "head")


def test_without_held_out_images_the_most_able_is_kept():
    plain = [replace(tried(name, 80), held=None) for name in ("linear", "head")]
    trials = compare_arms(plain, np.arange(10), seed=0)
    assert trials.best.name == "head"
    assert trials.said == ""
    assert trials.rows()[0]["mean_iou"] == ""
