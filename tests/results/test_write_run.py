"""The files of a run agree with each other: measures, predictions, items and outputs."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.conftest import draw_image
from tests.results.conftest import NAMES
from tests.strategies.problems import asking, material

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.fingerprint import fingerprint_file
from headstart.results.items import read_items
from headstart.results.outputs import read_parts, read_predictions
from headstart.results.write_run import run_items
from headstart.run import FORMAT
from headstart.scoring.score import score
from headstart.strategies.classes.train import train_classes
from headstart.strategies.clock import Clock
from headstart.verbs.train import train


def test_items_are_all_there_with_what_the_data_say(grouped):
    data, run = grouped
    items = read_items(run)
    assert len(items.dataset) == 36
    assert items.dataset.labels.names == tuple(sorted(NAMES))
    assert set(items.folds.tolist()) == {1, 2, 3}
    assert items.tested.all()
    assert items.dataset.attributes["camera"].tolist().count("a") == 18
    for name, film in zip(items.dataset.names, items.dataset.groups, strict=True):
        colour, number = name.removeprefix("images/").removesuffix(".png").split("-")
        assert film == f"{colour}-{int(number) // 3}"
    for film in np.unique(items.dataset.groups):
        mine = items.dataset.groups == film
        assert len(set(items.clusters[mine])) == 1
        assert len(set(items.folds[mine])) == 1, "a film is never on both sides"
    wanted = tuple(fingerprint_file(data / name).hex() for name in items.dataset.names)
    assert items.fingerprints == wanted


def test_outputs_are_one_part_a_round_and_give_the_predictions(grouped):
    _, run = grouped
    items = read_items(run)
    parts = read_parts(run)
    assert [set(items.folds[rows]) for rows, _, _ in parts] == [{1}, {2}, {3}]
    tested, answers = read_predictions(run, items)
    assert tested.tolist() == list(range(36))
    with run.predictions.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == list(items.dataset.names)
    for index, row in enumerate(rows):
        assert row["truth"] == items.dataset.labels.text(index)
        assert row["class"] == answers.record(index)["class"]
        for column, name in enumerate(answers.classes):
            shown = float(row[f"p({name})"])
            assert shown == pytest.approx(answers.probabilities[index, column], abs=6e-6)


def test_measures_are_those_of_the_outputs_and_the_items(grouped):
    _, run = grouped
    results, items = run.results, read_items(run)
    assert results["format"] == FORMAT
    _, answers = read_predictions(run, items)
    found = score("classification", answers, items.dataset.labels, clusters=items.clusters, seed=0)
    assert set(results["test"]) == set(found.measures)
    for name, one in found.measures.items():
        kept = results["test"][name]
        assert (kept["value"], kept["low"], kept["high"]) == pytest.approx(
            (one.value, one.low, one.high)
        ), name
    assert "12 clusters" in results["test"]["accuracy"]["method"]
    assert run.primary.value == pytest.approx(found.value.value)


def test_what_else_is_kept(grouped):
    _, run = grouped
    results = run.results
    details = results["details"]
    assert {"confusion", "per_class", "reliability", "reliability_uncalibrated"} <= set(details)
    assert set(results["baselines"]) == {"majority", "raw_pixels"}
    best = max(each["accuracy"]["value"] for each in results["baselines"].values())
    gain = results["transfer_gain"]["gain"]["value"]
    assert gain == pytest.approx(results["test"]["accuracy"]["value"] - best)
    calibration = results["calibration"]
    assert calibration["temperature"] > 0
    assert set(calibration["before"]) == set(calibration["after"]) == {"log_loss", "ece"}
    assert calibration["after"]["log_loss"] == results["test"]["log_loss"]
    about = json.loads(run.dataset.read_text(encoding="utf-8"))
    assert (about["task"], about["quantity"], about["items"]) == ("classification", "class", 36)
    environment = json.loads(run.environment.read_text(encoding="utf-8"))
    assert {"open", "check", "score", "write", "total"} <= set(environment["seconds"])


def test_who_chose_and_did_not_train_is_neither_trained_nor_tested(make_images, tmp_path):
    data = open_dataset(make_images(per_class=8, splits=("train", "val", "test")))
    prepared, network = material(data)
    with asking(tmp_path / "run", baselines="none") as ask:
        found = train_classes(prepared, network, ask, Compute(device="cpu", workers=1), Clock())
    val = np.flatnonzero(data.splits == "val")
    items = run_items(found)
    assert items.trained[val].all(), "they are as the training images: they join them"
    items = run_items(replace(found, aside=val))
    assert set(items.splits[val]) == {"val"}
    assert not items.trained[val].any()
    assert not items.tested[val].any()
    assert items.trained[data.splits == "train"].all()


def test_validation_images_of_another_kind_are_told_of(tmp_path):
    for part, split in enumerate(("train", "val", "test")):
        for kind in range(2):
            for number in range(30):
                image = draw_image(kind, 1000 * part + number, 32)
                if split != "train":
                    image = image.point(lambda value: 255 - value)
                place = tmp_path / "data" / split / f"class_{kind}" / f"{number}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                image.save(place)
    run = train(
        tmp_path / "data", out=tmp_path / "run", backbone="starter", strategy="probe",
        image_size=32, baselines="none",
    )  # fmt: skip
    metrics = json.loads(run.metrics.read_text())
    said = metrics["validation"]
    assert said["unlike"]
    assert said["two_sample"]["p_value"] <= 0.01
    assert ("; chosen by validation." in said["summary"]) == said["chosen"]
    assert metrics["learning_curve"]["forecast"] is None
    assert "validation" in metrics["learning_curve"]["withdrawn"]
    assert ("chosen by validation" in metrics["model"]["summary"]) == said["chosen"]
    assert "Your validation images are unlike the training images" in run.report.read_text()
