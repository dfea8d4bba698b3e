"""Telling a number, from the table to the exported file and back."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from headstart.cli import main
from headstart.errors import DataError, OptionError
from headstart.verbs.advise import advise
from headstart.verbs.compare import compare
from headstart.verbs.evaluate import evaluate
from headstart.verbs.train import train


def paint(folder, count, seed):
    """Writes images with a bright bar as high as a number, and the table that says it."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lines = ["file,level,site"]
    for number in range(count):
        level = rng.uniform(2, 60)
        pixels = rng.integers(0, 60, (64, 64, 3), dtype=np.uint8)
        pixels[64 - round(level) :] += 150
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        lines.append(f"{number:03}.png,{level:.2f},{'east' if number % 2 else 'west'}")
    (folder / "levels.csv").write_text("\n".join(lines))
    return folder / "levels.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home = tmp_path_factory.mktemp("levels")
    cache = pytest.MonkeyPatch()
    cache.setenv("HEADSTART_CACHE", str(home / "cache"))
    table = paint(home / "images", 120, 0)
    run = train(
        table, label="level", out=home / "run", backbone="starter", strategy="probe", folds=3,
        evaluation="cv",
    )  # fmt: skip
    yield home, table, run
    cache.undo()


def test_far_better_than_the_median_and_as_honest_as_it_says(trained):
    _, table, run = trained
    measures, results = run.results["test"], run.results
    assert (results["task"], results["primary"]) == ("regression", "mean_absolute_error")
    assert set(measures) == {
        "mean_absolute_error", "root_mean_squared_error", "r2", "interval_coverage",
    }  # fmt: skip
    assert results["details"]["quantity"] == "level"
    assert json.loads(run.dataset.read_text())["quantity"] == "level"
    assert len(results["details"]["points"]) == 120
    constant = results["baselines"]["constant"]["mean_absolute_error"]
    assert measures["mean_absolute_error"]["value"] < 0.6 * constant["value"]
    assert measures["mean_absolute_error"]["high"] < constant["low"], "far from chance"
    gain, pixels = results["transfer_gain"]["gain"], results["baselines"]["raw_pixels"]
    best = min(constant["value"], pixels["mean_absolute_error"]["value"])
    own = measures["mean_absolute_error"]["value"]
    assert gain["value"] == pytest.approx(best - own), "closer is a gain"
    covered = measures["interval_coverage"]
    assert covered["low"] < 0.9 < covered["high"] + 0.05
    rows = list(csv.DictReader(run.predictions.open()))
    assert list(rows[0]) == ["name", "truth", "number", "low", "high"]
    labels = {row["file"]: float(row["level"]) for row in csv.DictReader(table.open())}
    assert {row["name"]: float(row["truth"]) for row in rows} == labels
    inside = [float(row["low"]) <= labels[row["name"]] <= float(row["high"]) for row in rows]
    assert np.mean(inside) == pytest.approx(covered["value"], abs=0.01)
    off = [abs(float(row["number"]) - labels[row["name"]]) for row in rows]
    assert len(rows) == 120
    assert np.mean(off) == pytest.approx(measures["mean_absolute_error"]["value"], abs=1e-3)
    truths = np.array(list(labels.values()))
    assert constant["value"] == pytest.approx(np.abs(truths - np.median(truths)).mean(), rel=0.1), (
        "of the training part of each fold"
    )


def test_the_report_says_it_first(trained, capsys):
    _, _, run = trained
    page = run.report.read_text()
    assert "level: mean absolute error" in page
    assert "constant (median) baseline" in page
    assert page.count('class="point"') == 120
    assert main(["evaluate", str(run.folder), "--by", "site"]) == 0
    said = capsys.readouterr().out
    assert "mean absolute error by site" in said
    assert "mean absolute error" in repr(run)


def test_predictions_are_numbers_with_their_range(trained, capsys):
    _, table, run = trained
    from headstart.verbs.predict import load, predict

    images = [str(table.parent / f"{number:03}.png") for number in range(5)]
    found = predict(run.folder, images)
    assert (found.low <= found.values).all()
    assert (found.values <= found.high).all()
    for flag, said in (
        ({"top": 3}, "likeliest"),
        ({"abstain_below": 0.9}, "a number has none"),
        ({"min_score": 0.5}, "leave it out"),
    ):
        with pytest.raises(OptionError, match=said):
            predict(run.folder, images, **flag)
    assert load(run.folder).predict(images) == pytest.approx(found.values)
    assert main(["predict", str(run.folder), *images, "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [float(row["number"]) for row in rows] == pytest.approx(found.values, rel=1e-4)
    assert main(["predict", str(run.folder), *images]) == 0
    shown = capsys.readouterr().out
    assert f"(90%: {found.low[0]:.3g} to {found.high[0]:.3g})" in shown
    assert "probability" not in shown
    assert "<td>" in found._repr_html_()


def test_new_images_are_measured_in_the_models_own_ranges(trained, tmp_path):
    _, _, run = trained
    other = paint(tmp_path / "other", 40, 1)
    found = evaluate(run.folder, other, label="level", by="site")
    own = run.results["test"]["mean_absolute_error"]["value"]
    assert found.test["mean_absolute_error"].value == pytest.approx(own, rel=0.5)
    (site,) = found.subgroups
    assert site.measure == "mean absolute error"
    assert set(site.values) == {"east", "west"}
    assert site.values[site.best].value <= site.values[site.worst].value
    with pytest.raises(DataError, match="no number"):
        evaluate(run.folder, other, label="site")


def test_the_exported_file_tells_the_same(trained, tmp_path):
    from headstart.verbs.export import export
    from headstart.verbs.predict import load, predict

    _, table, run = trained
    export(run.folder, out=tmp_path / "onnx")
    images = [table.parent / f"{number:03}.png" for number in range(8)]
    model = load(tmp_path / "onnx" / "model.onnx")
    assert model.predict(images) == pytest.approx(load(run.folder).predict(images), abs=1e-2)
    found = predict(tmp_path / "onnx" / "model.onnx", images)
    said = found.record(0)
    assert said["low"] <= said["number"] <= said["high"]
    shown = f"{said['number']:.3g} (90%: {said['low']:.3g} to {said['high']:.3g})"
    assert found.text(0).startswith(shown)
    assert found.text(0) == predict(run.folder, images).text(0)
    assert "a model of regression" in (tmp_path / "onnx" / "README.md").read_text()


def test_two_runs_are_compared_by_how_far_off_they_are(trained):
    home, table, run = trained
    worse = train(
        table, label="level", out=home / "worse", backbone="starter", strategy="probe", folds=3,
        evaluation="cv", image_size=16, baselines="none",
    )  # fmt: skip
    found = compare(run.folder, worse.folder)
    change = found.differences["mean_absolute_error"]
    own, other = (each.results["test"]["mean_absolute_error"]["value"] for each in (run, worse))
    assert change.value == pytest.approx(other - own, abs=1e-3)
    assert found.better == ("A" if change.low > 0 else "B" if change.high < 0 else None)
    assert found.answers == {}, "a number is not right or wrong"
    assert set(found.differences) == set(run.results["test"])
    assert "mean absolute error" in found.summary


def test_fine_tuning_keeps_the_numbers(trained):
    home, table, _ = trained
    run = train(
        table, label="level", out=home / "tuned", backbone="starter", strategy="finetune", epochs=1,
        image_size=32, evaluation="holdout", baselines="none",
    )  # fmt: skip
    assert run.results["finetuning"]["validation"]["finetune"]["value"] > 0
    assert all(2 <= float(row["number"]) <= 60 for row in csv.DictReader(run.predictions.open()))
    assert json.loads((run.model / "model.json").read_text())["output"]["task"] == "regression"


def test_a_run_of_people_with_one_number_each_is_measured_apart(tmp_path):
    rows = ["file,level,site"]
    for person in range(12):
        paint(tmp_path / "data" / f"p{person}", 3, person)
        (tmp_path / "data" / f"p{person}" / "levels.csv").unlink()
        rows += [f"p{person}/{n:03}.png,{person + 0.5},{'ab'[n % 2]}" for n in range(3)]
    table = tmp_path / "data" / "people.csv"
    table.write_text("\n".join(rows))
    run = train(
        table, label="level", group="folder:1", task="regression", out=tmp_path / "run",
        backbone="starter", strategy="probe", evaluation="cv", folds=2, baselines="none",
    )  # fmt: skip
    (found,) = evaluate(run.folder, by="site").subgroups
    assert set(found.values) == {"a", "b"}


def test_advice_says_how_far_off(trained):
    _, table, _ = trained
    found = advise(table, label="level", backbone="starter", budget=0.01)
    assert any("Mean absolute error of the best" in each for each in found.summary)
    assert "--task regression --label level" in found.command


def test_what_makes_no_sense(trained):
    home, table, _ = trained
    with pytest.raises(OptionError, match="--task identity looks at one view"):
        train(table, label="level", out=home / "x", task="identity", tta=2)
    with pytest.raises(DataError, match=r"'east' of 001\.png is no number"):
        train(table, label="site", out=home / "x", task="regression", backbone="starter")
    assert not (home / "x").exists()
