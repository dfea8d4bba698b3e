"""What noise on outputs costs in the measure that decides."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.drawn_masks import draw_masked, masks_of
from tests.exporting.finished import mask_outputs
from tests.models import MASKS

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Numbers
from headstart.exporting.cost import HeldOut, expected_change, lost, noise_between
from headstart.images.preprocess import Preprocess
from headstart.metrics.statistic import Measure
from headstart.records import Estimate, OutputSpec
from headstart.results.items import Items

BINS = OutputSpec("regression", ("0 to 1", "1 to 2", "2 to 3"), {"edges": [0.0, 1.0, 2.0, 3.0]})


def held_out(labels, task, outputs, spec):
    n = len(labels)
    names = tuple(f"{i}.png" for i in range(n))
    dataset = Dataset(Path(), names, labels, np.full(n, ""), task=task)
    rows = np.arange(n)
    items = Items(dataset, np.full(n, "test"), np.ones(n, int), rows, ("",) * n)
    return HeldOut([(rows, {"probabilities": outputs}, spec)], items)


def two_classes(margin, n=400):
    """Items whose true class is ahead by some log-odds."""
    share = 1 / (1 + np.exp(-margin))
    spec = OutputSpec("classification", ("x", "y"))
    outputs = np.tile(np.array([share, 1 - share], np.float32), (n, 1))
    return held_out(Classes(("x", "y"), np.zeros(n, np.int64)), "classification", outputs, spec)


def noise(sd, n=500):
    rng = np.random.default_rng(0)
    return {"probabilities": np.stack([rng.normal(0, sd, n), np.zeros(n)], 1)}


def test_noise_on_narrow_margins_costs_and_on_wide_ones_does_not():
    assert expected_change(two_classes(8.0), noise(1)).value == 0
    found = expected_change(two_classes(0.5), noise(1))
    assert found.value == pytest.approx(-0.31, abs=0.03)
    assert found.low < found.value < found.high
    assert found.n == 400
    # What was wrong may become right.
    assert expected_change(two_classes(-0.5), noise(1)).value == pytest.approx(0.31, abs=0.03)
    assert expected_change(two_classes(0.5), noise(0, 3)).value == 0


def test_it_is_the_same_each_time_and_other_seeds_are_near():
    narrow = two_classes(0.5)
    one, again, other = (expected_change(narrow, noise(1), seed=s) for s in (0, 0, 1))
    assert one == again
    assert other.value == pytest.approx(one.value, abs=0.02)


def test_numbers_are_measured_by_how_far_off_they_are():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 3, 300)
    outputs = np.full((300, 3), 0.02, np.float32)
    outputs[np.arange(300), truth.astype(int)] = 0.96
    given = held_out(Numbers("age", truth), "regression", outputs, BINS)
    assert given.primary.key == "mean_absolute_error"
    found = expected_change(given, {"probabilities": rng.normal(0, 3, (200, 3))})
    assert found.value > 0.1
    silent = expected_change(given, {"probabilities": np.zeros((5, 3))})
    assert silent.value == pytest.approx(0, abs=1e-6)


def test_rounds_with_other_ranges_take_the_noise_of_their_neighbours():
    truth = np.array([0.5, 1.5, 2.5])
    four = OutputSpec("regression", ("a", "b", "c", "d"), {"edges": [0.0, 1, 2, 3, 4]})
    given = held_out(Numbers("age", truth), "regression", np.full((3, 4), 0.25, np.float32), four)
    assert np.isfinite(expected_change(given, {"probabilities": np.ones((4, 3))}).value)


def test_noise_is_the_difference_of_logarithms():
    spec = OutputSpec("classification", ("a", "b"))
    found = noise_between({"p": np.array([[0.5, 0.0]])}, {"p": np.array([[0.25, 0.0]])}, spec)
    assert found["p"] == pytest.approx(np.array([[np.log(0.5), 0]]))


def test_what_is_lost_is_told_in_points_or_in_per_cent():
    share, error = Measure("accuracy", "accuracy"), Measure("mae", "mae", False, "plain")
    change = Estimate(-0.01, -0.03, 0.02, 9, "")
    assert lost(change, share, 0.9) == pytest.approx(3)
    assert lost(change, error, 0.5) == pytest.approx(4)
    assert lost(Estimate(0, 0, 0, 9, ""), error, 0.0) == 0
    assert lost(change, error, 0.0) == float("inf")


def maps_held_out(sure: float, count: int = 6) -> HeldOut:
    """Maps of 16 cells a side that are right, and how sure of it."""
    masks = masks_of([draw_masked(seed)[1] for seed in range(count)])
    model = SimpleNamespace(
        spec=SimpleNamespace(settings={"size": 64, "stride": 4}),
        preprocess=Preprocess(size=64, geometry="squash"),
    )
    outputs = mask_outputs(masks, model, np.arange(count))
    right = outputs["probabilities"] > 0.5
    outputs["probabilities"] = np.where(right, sure, (1 - sure) / 2).astype(np.float16)
    names = tuple(f"{i}.png" for i in range(count))
    dataset = Dataset(Path(), names, masks, np.full(count, ""), task="segmentation")
    rows = np.arange(count)
    items = Items(dataset, np.full(count, "test"), np.ones(count, int), rows, ("",) * count)
    return HeldOut([(rows, outputs, MASKS)], items)


def test_masks_are_measured_by_mean_iou_and_their_places_get_no_noise():
    rng = np.random.default_rng(0)
    noise = {"probabilities": rng.normal(0, 1, (8, 3, 16, 16))}
    given = maps_held_out(0.98)
    assert given.primary.key == "mean_iou"
    value = given.statistic(given.parts)[0].value
    assert value > 0.9
    assert abs(expected_change(given, noise).value) < 0.02
    unsure = expected_change(maps_held_out(0.4), noise)
    assert unsure.value < -0.2
    assert (unsure.n, unsure.low < unsure.value < unsure.high) == (6, True)
    # Another round answered at another stride.
    coarse = {"probabilities": noise["probabilities"][..., ::2, ::2]}
    assert expected_change(maps_held_out(0.4), coarse).value < -0.1
    assert expected_change(given, {"probabilities": np.zeros((3, 3, 16, 16))}).value == 0
