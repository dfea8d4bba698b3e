"""The linear arm, from maps to probabilities."""

from __future__ import annotations

import numpy as np

from headstart.probe.dense_scores import confusions, mean_iou
from headstart.strategies.mask_arms import Held, dense_probabilities, linear_arm, plan_of
from headstart.strategies.mask_material import read_masks
from tests.strategies.mask_sets import QUIET, discs, material


def test_it_is_measured_on_what_it_has_not_seen_and_tells_discs(tmp_path):
    prepared, network = material(discs(tmp_path, 16, 4))
    train, test = np.arange(4, 16), np.arange(4)
    given = read_masks(prepared, train, network.preprocess, 4, QUIET)
    own = network.maps.take(np.isin(np.arange(16), train))
    arm = linear_arm(
        own, given, network.backbone, (np.arange(12) % 3, 3), QUIET, stride=4, balance="auto"
    )
    assert arm.held.value > 0.7 and arm.row()["held_out"] == "3 folds"
    found = dense_probabilities(arm.head, arm.temperature, network.maps, test)
    truth = read_masks(prepared, test, network.preprocess, 4, QUIET).truth
    counts = confusions(np.log(found.astype(np.float32) + 1e-4), truth)
    assert mean_iou(counts.sum(0)) > 0.7
    plan = plan_of("linear", network.maps.layout, 10**6, 2)
    assert plan.stages == (len(network.maps.layout.shapes) - 1,)


def test_counts_of_some_images_are_found_again():
    held = Held(np.array([3, 1, 5]), np.arange(12).reshape(3, 2, 2), "1 of 5 folds")
    assert (held.on(np.array([5, 3])) == held.counts[[2, 0]]).all()
