"""Parity, outputs and times of exported files."""

from __future__ import annotations

import numpy as np
import pytest
from tests.drawn_masks import NAMES, PALETTE
from tests.models import CLASSES, NUMBERS, exported_file, random_model

from headstart.exporting.measure import parity_of, run_file, timings
from headstart.exporting.record import Parity
from headstart.predictions import ClassProbabilities
from headstart.scoring.run_predictor import RunPredictor
from headstart.tasks.detection.detections import Detections
from headstart.tasks.segmentation.maps import SegmentationMaps

INPUTS = np.random.default_rng(0).integers(0, 256, (18, 1, 48, 48, 3), np.uint8)


@pytest.mark.parametrize("spec", [CLASSES, NUMBERS])
def test_a_file_answers_as_its_model(tmp_path, spec):
    model = random_model(spec)
    run, file = RunPredictor(model, exact=True), exported_file(model, tmp_path / "m.onnx")
    expected, found = run.outputs(INPUTS), run_file(file.path, INPUTS)
    names = [str(i) for i in range(18)]
    parity = parity_of(expected, found, (run.decode(expected, names), file.decode(found, names)))
    assert parity.same
    assert parity.images == 18
    assert parity.other_answers == 0
    assert 0 <= parity.largest_difference < 1e-4


def parity(first, second):
    kinds = [ClassProbabilities(("a",), ("x", "y"), np.array([row])) for row in (first, second)]
    outputs = [{"p": np.array([row])} for row in (first, second)]
    return parity_of(*outputs, tuple(kinds))


def test_other_answers_and_large_differences_are_not_the_same():
    assert parity([0.9, 0.1], [0.9, 0.1]).same
    assert not parity([0.9, 0.1], [0.89, 0.11]).same
    assert parity([0.9, 0.1], [0.1, 0.9]).other_answers == 1
    assert parity([0.5001, 0.4999], [0.4999, 0.5001]).same, "a tie"
    assert not parity([0.9, 0.1], [np.nan, np.nan]).same


def maps_parity(rows: np.ndarray, others: np.ndarray, side: int = 100) -> Parity:
    """Of maps of one row of cells, put on images of some side."""
    matrix = np.array([[rows.shape[-1] / side, 0, 0], [0, 1 / side, 0]])
    kinds = [
        SegmentationMaps(
            ("a",), NAMES[:2], PALETTE[:2], np.stack([each, 1 - each])[None, :, None],
            np.array([[side, side]]), matrix[None],
        )
        for each in (rows, others)
    ]  # fmt: skip
    outputs = [{"probabilities": each.probabilities} for each in kinds]
    return parity_of(*outputs, tuple(kinds))


def test_of_masks_every_pixel_counts():
    row = np.linspace(0.1, 0.9, 16)
    same = maps_parity(row, row + 1e-6)
    assert (same.same, same.pixels, same.other_pixels) == (True, 10_000, 0)
    assert same.told == "0 of 10,000 pixels get another class"
    far = maps_parity(row, row + 5e-4)
    assert not far.same, "a probability may differ by a ten-thousandth"
    even = np.full(16, 0.5)
    flipped = maps_parity(even + 1e-6, even - 1e-6)
    assert (flipped.same, flipped.other_pixels, flipped.other_answers) == (False, 10_000, 1)


def test_times_are_positive(tmp_path):
    file = exported_file(random_model(), tmp_path / "m.onnx")
    found = timings(file.path, INPUTS[:2])
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["images_per_second"] > 0


def boxes_parity(scores: list[list[float]], others: list[list[float]]) -> Parity:
    """Of two cells of one class, whose boxes the answers hold in the same order."""
    kinds = [
        Detections(
            ("a",), ("x",), np.array([0, 2]), np.array([[0.0, 0, 9, 9], [20, 20, 40, 40]]),
            np.array([0.9, 0.4]), np.zeros(2, int), np.array([[64, 64]]),
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [{"scores": np.array([each])} for each in (scores, others)]
    return parity_of(*outputs, tuple(kinds))


def test_of_objects_the_order_of_cells_is_nothing():
    assert boxes_parity([[0.9], [0.4]], [[0.4], [0.9]]).same
    assert not boxes_parity([[0.9], [0.4]], [[0.4], [0.8]]).same
    assert not boxes_parity([[0.9], [0.4]], [[np.nan], [0.9]]).same
