"""int8 and fp16: smaller files, and what int8 costs decides whether it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.models import CLASSES, NUMBERS, exported_file, random_mask_model, random_model

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Numbers
from headstart.exporting.cost import HeldOut
from headstart.exporting.measure import run_file
from headstart.exporting.quantise import QuantTrial, _ends, half, quantise
from headstart.results.items import Items

INPUTS = np.random.default_rng(0).integers(0, 256, (24, 1, 48, 48, 3), np.uint8)


def trial(file, labels):
    n = len(INPUTS)
    wanted = run_file(file.path, INPUTS)
    names = tuple(str(i) for i in range(n))
    dataset = Dataset(Path(), names, labels, np.full(n, ""), task=file.spec.task)
    rows = np.arange(n)
    items = Items(dataset, np.full(n, "test"), np.ones(n, int), rows, ("",) * n)
    tested = HeldOut([(rows, wanted, file.spec)], items)
    return QuantTrial(
        INPUTS[:6],
        INPUTS,
        wanted,
        lambda outputs: file.decode(outputs, names),
        tested,
        file.spec,
    )


@pytest.mark.parametrize(
    ("spec", "labels"),
    [
        (CLASSES, Classes(CLASSES.names, np.arange(24) % 4)),
        (NUMBERS, Numbers("age", np.linspace(1, 15, 24))),
    ],
    ids=["classes", "numbers"],
)
def test_int8_is_kept_where_it_costs_little_enough(tmp_path, spec, labels):
    file = exported_file(random_model(spec), tmp_path / "m.onnx")
    given = trial(file, labels)
    kept = quantise(file.path, tmp_path / "int8.onnx", given, max_drop=100.0)
    assert kept.kept
    assert kept.compared_on == 24
    assert len(kept.attempts) == 3
    assert 0 <= kept.attempts[-1].agreement <= 1
    assert kept.attempts[-1].change.n == 24
    assert (tmp_path / "int8.onnx").stat().st_size < 0.6 * file.path.stat().st_size
    found = run_file(tmp_path / "int8.onnx", INPUTS)
    assert np.abs(found["probabilities"] - given.wanted["probabilities"]).max() < 0.6


def test_nothing_that_comes_of_filters_alone_is_rounded(tmp_path):
    file = exported_file(random_mask_model(kind="linear", filters=True), tmp_path / "m.onnx")
    left = set(_ends(file.path))
    nodes = {node.name: node for node in onnx.load(file.path).graph.node}
    filters = {name for name in nodes if "/filters/" in name}
    assert sum(nodes[name].op_type == "Conv" for name in filters) > 10
    assert filters <= left
    network = [n for n in nodes.values() if n.op_type == "Conv" and "/filters/" not in n.name]
    assert sum(n.name not in left for n in network) >= len(network) - 1


def test_half_precision_is_near_and_smaller(tmp_path):
    file = exported_file(random_model(), tmp_path / "m.onnx")
    half(file.path, tmp_path / "fp16.onnx")
    assert (tmp_path / "fp16.onnx").stat().st_size < 0.7 * file.path.stat().st_size
    one, other = (run_file(tmp_path / f"{n}.onnx", INPUTS)["probabilities"] for n in ("m", "fp16"))
    np.testing.assert_allclose(one, other, atol=0.05)


def test_a_way_that_cannot_measure_what_hardly_varies_is_passed_over(tmp_path, monkeypatch):
    from onnxruntime import quantization

    whole = quantization.quantize_static

    def failing(*args, **told):
        if told["calibrate_method"] == quantization.CalibrationMethod.Percentile:
            raise ValueError("Too many bins for data range. Cannot create 2048 finite-sized bins.")
        return whole(*args, **told)

    monkeypatch.setattr(quantization, "quantize_static", failing)
    file = exported_file(random_model(CLASSES), tmp_path / "m.onnx")
    given = trial(file, Classes(CLASSES.names, np.arange(24) % 4))
    kept = quantise(file.path, tmp_path / "int8.onnx", given, max_drop=100.0)
    assert kept.kept
    assert sorted(each.method for each in kept.attempts) == ["Entropy", "MinMax"]
