"""Parity, outputs and times of exported files."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models import CLASSES, NUMBERS, exported_file, random_model

from headstart.exporting.measure import parity_of, run_file, timings
from headstart.predictions import ClassProbabilities
from headstart.scoring.run_predictor import RunPredictor

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


def test_times_are_positive(tmp_path):
    file = exported_file(random_model(), tmp_path / "m.onnx")
    found = timings(file.path, INPUTS[:2])
    assert 0 < found["p50_ms"] <= found["p95_ms"]
    assert found["images_per_second"] > 0
