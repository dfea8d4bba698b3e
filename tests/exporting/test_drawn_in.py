"""Distances of int8 are drawn in by what rounding adds to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.exporting.test_quantise import INPUTS, trial
from tests.models import CLASSES, exported_file, random_model

from headstart.data.labels import Classes
from headstart.exporting.cost import HeldOut
from headstart.exporting.drawn_in import draw_in, outward
from headstart.exporting.measure import run_file
from headstart.exporting.quantise import quantise
from headstart.probe.familiar import fit_unlike


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A model that tells what is unlike four clouds of vectors."""
    model = random_model(CLASSES)
    columns = model.head.columns
    vectors = np.abs(np.random.default_rng(0).normal(size=(40, columns.max() + 1)))
    unlike = fit_unlike(vectors.astype(np.float32), np.arange(40) % 4, columns)
    place = tmp_path_factory.mktemp("drawn") / "m.onnx"
    return exported_file(replace(model, unlike=unlike), place)


def test_noise_adds_to_squares_and_never_brings_the_threshold_nearer():
    before = np.array([0.5, 0.7, 0.9])
    assert outward(before, np.sqrt(before**2 + 0.21)) == pytest.approx(1.1)
    assert outward(before, before - 0.1) == 1.0


def test_a_graph_gives_shorter_distances_and_else_the_same(file, tmp_path):
    place = tmp_path / "nearer.onnx"
    place.write_bytes(file.path.read_bytes())
    one = run_file(file.path, INPUTS[:4])
    draw_in(place, {"unlike": np.zeros(4)}, {"unlike": np.full(4, 0.75)})  # 1 + 9/16 is 25/16
    other = run_file(place, INPUTS[:4])
    np.testing.assert_allclose(other["unlike"], one["unlike"] / 1.25, rtol=1e-6)
    np.testing.assert_array_equal(other["probabilities"], one["probabilities"])


def test_int8_is_not_further_than_fp32_at_the_median(file, tmp_path):
    given = trial(file, Classes(CLASSES.names, np.arange(24) % 4))
    rows, outputs, spec = given.tested.parts[0]  # a run keeps no distances
    outputs = {"probabilities": outputs["probabilities"]}
    given = replace(given, tested=HeldOut([(rows, outputs, spec)], given.tested.items))
    kept = quantise(file.path, tmp_path / "int8.onnx", given, max_drop=100.0)
    assert kept.kept
    found = run_file(tmp_path / "int8.onnx", INPUTS)["unlike"]
    added = np.median(found**2 - given.wanted["unlike"] ** 2)
    assert added < 0.02 * np.median(given.wanted["unlike"] ** 2)
