"""The files of an export: proven, measured, and told in sentences."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.boxes_run import write_boxes_run
from tests.drawn_masks import draw_masked, masks_of
from tests.exporting.finished import TEST, TRAIN, finished_run
from tests.models import CLASSES, MASKS, NUMBERS, random_model
from tests.squares import scene

from headstart.compute import silent
from headstart.data.labels import Numbers
from headstart.deploy.runtime import OnnxPredictor
from headstart.errors import ModelError
from headstart.exporting import write_export as module
from headstart.exporting.graph import write_graph
from headstart.exporting.material import gather
from headstart.exporting.record import Attempt, Export, Quantised
from headstart.exporting.write_export import Choices, write_export
from headstart.records import Estimate
from headstart.scoring.run_predictor import RunPredictor


@pytest.fixture
def exported(tmp_path) -> Callable[..., Export]:
    """``exported(spec, fp16=True)`` writes an export of a run into the folder ``built``."""

    def export(spec=CLASSES, **choices) -> Export:
        ages = Numbers("age", np.linspace(1, 15, TRAIN + TEST))
        run = finished_run(tmp_path, random_model(spec), ages if spec is NUMBERS else None)
        (tmp_path / "built").mkdir()
        return write_export(run, Path("final"), tmp_path / "built", Choices(**choices), silent)

    return export


def test_files_say_what_they_are_and_rows_what_they_answer(tmp_path, exported):
    record = exported(fp16=True, threshold=0.7, seed=3)
    assert (record.folder, record.primary, record.int8) == ("final", "accuracy", None)
    assert (record.parity.images, record.parity.same) == (TEST, True)
    assert record.summary[0].startswith(f"ONNX answers as torch: on {TEST} images of the run")
    assert record.summary[1].startswith("fp16: ")
    run = finished_run(tmp_path / "again")
    given = gather(run, random_model(), None, seed=3, progress=silent)
    predictor = RunPredictor(random_model(), exact=True)
    right = predictor.outputs(given.compared)["probabilities"].argmax(1) == given.labels.targets
    for row, precision in zip(record.files, ("fp32", "fp16"), strict=True):
        file = tmp_path / "built" / row["file"]
        about = OnnxPredictor(file).about
        assert (row["precision"], about.precision, about.threshold) == (precision, precision, 0.7)
        assert about.facts["test"]["some_measure"]["value"] == 0.5
        assert row["megabytes"] == pytest.approx(file.stat().st_size / 1e6, rel=0.01)
        assert row["accuracy"].n == len(right)
        if precision == "fp32":
            assert row["accuracy"].value == right.mean()
    assert '"model-fp16.onnx"' in (tmp_path / "built" / "export.json").read_text()
    assert "On five." in (tmp_path / "built" / "README.md").read_text()


def test_masks_are_proven_on_every_pixel_and_told_in_mean_iou(tmp_path):
    model = random_model(MASKS)
    drawn = [draw_masked(seed)[1] for seed in range(TRAIN + TEST)]
    run = finished_run(tmp_path, model, masks_of(drawn))
    (tmp_path / "built").mkdir()
    record = write_export(run, Path("final"), tmp_path / "built", Choices(fp16=True), silent)
    assert record.primary == "mean_iou"
    parity = record.parity
    assert (parity.images, parity.pixels, parity.same) == (TEST, TEST * 2500, True)
    assert parity.other_pixels <= 1
    assert f"of {TEST * 2500:,} pixels get another class" in record.summary[0]
    assert 0 < record.files[0]["mean_iou"].value < 0.6, "its weights are random"
    card = (tmp_path / "built" / "README.md").read_text()
    assert "(N, 3, 16, 16): classes, rows and columns, a cell every 4" in card
    assert "labels(0)" in card
    # From the file everything is answered as the run's model does, whatever the image.
    file, own = OnnxPredictor(tmp_path / "built" / "model.onnx"), RunPredictor(model, exact=True)
    assert file.threshold == own.threshold == 0
    for seed, size in enumerate([(131, 40), (9, 300), (1, 1), (64, 64)]):
        pixels = np.asarray(draw_masked(seed)[0].resize(size))
        found, wanted = file.predictions(pixels), own.predictions(pixels)
        assert found.labels(0).shape == size[::-1]
        assert found.agreement(wanted)[0] > 0.999
        np.testing.assert_allclose(found.probability(0), wanted.probability(0), atol=1e-4)


def test_a_file_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    model = random_model(MASKS)
    drawn = [draw_masked(seed)[1] for seed in range(TRAIN + TEST)]
    run = finished_run(tmp_path, model, masks_of(drawn))
    (tmp_path / "built").mkdir()
    wrong = replace(model, temperature=1.31)
    monkeypatch.setattr(
        module.graph, "write_graph", lambda _, path, own=write_graph: own(wrong, path)
    )
    with pytest.raises(ModelError, match=r"pixels get another class, outputs by up to"):
        write_export(run, Path("final"), tmp_path / "built", Choices(), silent)


def quantised(kept: bool, change: Estimate) -> Callable[..., Quantised]:
    """Stands for the long search for int8: its first try cost too much."""

    def quantise(source, target, trial, **more) -> Quantised:
        if kept:
            shutil.copy(source, target)
        first = Attempt("MinMax", (), replace(change, value=-0.9), 90.0, 0.1)
        last = Attempt("Entropy", ("conv1", "conv2"), change, 2.5, 0.96)
        return Quantised((first, last), kept, ("conv2", "conv1"), len(trial.inputs))

    return quantise


@pytest.mark.parametrize(
    ("spec", "kept", "change", "said"),
    [
        (CLASSES, True, (-0.01, -0.024, 0.0), ["accuracy by -1.0 points (-2.4 to +0.0)"]),
        (CLASSES, True, (-2e-4, -0.001, 3e-4), ["accuracy by +0.0 points (-0.1 to +0.0)"]),
        (CLASSES, False, (-0.01, -0.024, 0.0), ["It may cost 2.5 points, more than --max-drop 2."]),
        (NUMBERS, False, (0.5, -0.25, 1.0), ["absolute error by +0.5 (-0.25 to +1)", "per cent"]),
    ],
)
def test_int8_says_what_it_costs(exported, monkeypatch, spec, kept, change, said):
    estimate = Estimate(*change, 1234, "noise")
    monkeypatch.setattr(module, "quantise", quantised(kept, estimate))
    record = exported(spec, int8=True, max_drop=2.0)
    told, times = record.summary[-2:]
    assert "Times are those of this machine, now" in times
    assert ("int8 buys little here" in times) == kept, "it is a copy, and so no smaller"
    for part in [*said, "1,234 images that the run was tested on", "96.0% of the former",
                 "2 layers stay in floating point", "(Entropy)", "6 training images"]:  # fmt: skip
        assert part in told
    assert ("refused" in told, "most: conv2, conv1." in told) == (not kept, not kept)
    assert [row["precision"] for row in record.files] == ["fp32", "int8"][: 1 + kept]


@pytest.mark.parametrize(
    ("ms", "megabytes", "said"),
    [
        (99.0, 6.0, "int8 buys little here: it takes 99.0 ms an image where fp32 takes 80.0 and "
                    "has 60% of the size of fp32. Times"),
        (99.0, 3.0, "int8 buys little here: it takes 99.0 ms an image where fp32 takes 80.0. "
                    "Times"),
        (20.0, 6.0, "int8 buys little here: it has 60% of the size of fp32. Times"),
        (20.0, 3.0, "Times"),
        (None, 0.0, "Times"),
    ],
)  # fmt: skip
def test_where_int8_is_not_worth_it_that_is_said(ms, megabytes, said):
    rows = [{"precision": "fp32", "p50_ms": 80.0, "megabytes": 10.0}]
    if ms is not None:
        rows.append({"precision": "int8", "p50_ms": ms, "megabytes": megabytes})
    assert module._described_times(rows).startswith(said)


def test_boxes_are_exported_proven_and_int8_says_what_it_costs_in_ap(tmp_path, monkeypatch):
    monkeypatch.setattr("headstart.exporting.quantise.METHODS", ("MinMax",))
    run = write_boxes_run(tmp_path, report=False)
    (tmp_path / "built").mkdir()
    choices = Choices(int8=True, max_drop=100.0)
    record = write_export(run, Path("final"), tmp_path / "built", choices, silent)
    assert record.primary == "map"
    assert (record.parity.images, record.parity.same) == (12, True)
    assert record.int8 is not None
    assert record.int8.kept
    told = next(each for each in record.summary if each.startswith("int8 ("))
    assert "change AP by" in told
    assert "objects on the former are found by both" in told
    last = record.int8.attempts[-1]
    assert last.change.n == 12
    assert last.agreement > 0.5
    card = (tmp_path / "built" / "README.md").read_text()
    assert "`scores`, (N, 180, 2)" in card
    assert "`boxes`, (N, 180, 4)" in card
    assert "from a score of 0.5 on" in card
    file, model = OnnxPredictor(tmp_path / "built" / "model.onnx"), RunPredictor(run.folder)
    assert file.threshold == model.threshold == 0.5
    images = [scene(seed)[0] for seed in range(20, 32)]
    one, other = model.predictions(images), file.predictions(images)
    assert one.agrees(other).all()
    assert len(one.scores) > 10


def test_int8_of_boxes_is_refused_where_it_costs_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr("headstart.exporting.quantise.METHODS", ("MinMax",))
    monkeypatch.setattr("headstart.exporting.quantise._STEPS", (0.1,))
    run = write_boxes_run(tmp_path, report=False)
    (tmp_path / "built").mkdir()
    record = write_export(
        run, Path("final"), tmp_path / "built", Choices(int8=True, max_drop=-100.0), silent
    )
    assert record.int8 is not None
    assert not record.int8.kept
    assert not (tmp_path / "built" / "model-int8.onnx").exists()
    assert any("refused" in each and "AP" in each for each in record.summary)
