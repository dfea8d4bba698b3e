"""The files of a run agree with each other: measures, predictions, items and outputs."""

import csv
import json

import numpy as np
import pytest
from tests.results.conftest import NAMES

from headstart.fingerprint import fingerprint_file
from headstart.results.items import read_items
from headstart.results.outputs import read_parts, read_predictions
from headstart.run import FORMAT
from headstart.scoring.score import score


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
