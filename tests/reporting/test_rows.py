"""What a run left behind, as rows."""

from __future__ import annotations

import dataclasses
import json
import shlex

import pytest

from headstart.options.shell import read
from headstart.options.train import TrainOptions
from headstart.records import to_json
from headstart.reporting import rows


def test_the_chosen_trial_comes_first_then_the_most_accurate(tmp_path):
    text = "name,accuracy,low,high,chosen,seconds\nA,0.5,0.4,0.6,,1\nB,0.7,0.6,0.8,no,\n"
    text += "C,0.6,0.5,0.7,True,3\nD,nan,,,,4\n"
    (tmp_path / "trials.csv").write_text(text)
    found = rows.trials(tmp_path)
    assert [row["name"] for row in found] == ["C", "B", "A", "D"]
    assert found[1]["estimate"] == {"accuracy": 0.7, "low": 0.6, "high": 0.8, "value": 0.7}
    assert [row["seconds"] for row in found] == [3.0, None, 1.0, 4.0]


def test_an_axis_begins_at_the_tenth_below_the_lowest_end():
    assert rows.axis_limits([{"low": 0.78}, None, {"low": None}, {"low": 0.91}]) == (0.7, 1.0)


def test_the_first_training_is_told_epoch_by_epoch(tmp_path):
    text = "training,epoch,lr,val_loss\nround1,2,0.5,\nround1,1,0.25,0.5\nround2,1,9,\nround2,,9,\n"
    (tmp_path / "history.csv").write_text(text)
    found = rows.history(tmp_path)
    assert [(row["epoch"], row["lr"]) for row in found["epochs"]] == [(1, 0.25), (2, 0.5)]
    assert (found["training"], found["trainings"]) == ("round1", 2)
    assert (found["lr"], found["validation"]) == (0.5, True)
    tuned = {"kept": "finetune", "share": 0.5, "epochs": [2]}
    assert rows.kept_epochs(tuned, found) == [], "those are of the last training"
    assert rows.kept_epochs(tuned, found | {"trainings": 1}) == [2]
    assert rows.kept_epochs(tuned | {"share": 0}, None) == []
    assert rows.kept_epochs(tuned | {"kept": "probe"}, None) == []


def test_a_recipe_says_in_words_what_is_off():
    recipe = {"layer_decay": 0.9, "hflip": False, "patience": None, "stages": [1, 2], "ema": True}
    assert rows.recipe_rows({"recipe": recipe}) == [
        ("layer decay", "0.9"), ("hflip", "no"), ("patience", "–"), ("stages", "1, 2"),
        ("ema", "yes"),
    ]  # fmt: skip


def test_images_are_counted_by_class_and_split():
    counts = {"train": {"a": 1, "b": 6}, "test": {"a": 1, "b": 2, "c": 4}}
    dataset = {"classes": ["a", "b", "c"], "counts": counts}
    found = rows.balance(dataset, cv=False)
    assert [(row["class"], row["total"]) for row in found] == [("b", 8), ("c", 4), ("a", 2)]
    assert found[0]["widths"] == {"train": 75.0, "test": 25.0}
    assert rows.split_images(dataset, cv=False) == {}
    shown = dataset | {"images": {"train": 4, "test": 3}}
    assert rows.split_images(shown, cv=False) == {"train": 4, "test": 3}
    assert rows.split_images(shown, cv=True) == {"trained on and tested on in turn": 3}
    crossed = rows.balance(dataset, cv=True)
    assert [(row["class"], row["total"]) for row in crossed] == [("c", 4), ("b", 2), ("a", 1)]


def test_the_most_confused_pairs_come_first():
    given = {"classes": ["a", "b", "c"], "counts": [[7, 1, 2], [2, 0, 0], [0, 0, 0]]}
    found = rows.confusion({"details": {"confusion": given}})
    pairs = [
        (pair["truth"], pair["predicted"], pair["n"], pair["share"]) for pair in found["pairs"]
    ]
    assert pairs == [("b", "a", 2, 1.0), ("a", "c", 2, 0.2), ("a", "b", 1, 0.1)]
    assert found["matrix"][0]["cells"] == [(7, 0.7), (1, 0.1), (2, 0.2)]
    assert found["matrix"][2] == {"class": "c", "n": 0, "cells": [(0, 0.0)] * 3}


@pytest.mark.parametrize(
    "given", [{}, {"drop_leaks": False, "faces": True, "tta": 2, "lr": 0.001, "label": "kind of"}]
)
def test_the_command_means_the_options_that_the_run_had(given):
    options = TrainOptions(data="my pets", out="runs/a", **given)
    saved = json.loads(to_json(options))
    program, verb, *words = shlex.split(rows.command_line(saved, {}))
    assert (program, verb) == ("headstart", "train")
    again, _ = read(TrainOptions, words)
    assert dataclasses.asdict(again) == dataclasses.asdict(options)
    assert "--folds" not in words, "what is so by default is not said"


def test_an_environment_is_flattened_and_its_seconds_stand_alone():
    given = {"versions": {"timm": "1", "x": None}, "engine_name": "torch", "gpu": None,
             "seconds": {"fit": 2, "note": "?"}}  # fmt: skip
    assert rows.facts(given) == [("versions", "timm 1"), ("engine name", "torch")]
    assert rows.seconds(given) == [("fit", 2.0)]


def test_columns_in_which_no_trial_has_anything_are_left_out(tmp_path):
    (tmp_path / "trials.csv").write_text("arm,behind low,map,chosen\nhead,,0.5,True\n")
    (row,) = rows.trials(tmp_path)
    assert row["plain"] == {"arm": "head", "map": "0.5"}


def test_a_training_that_measures_no_accuracy_has_no_curve_of_it(tmp_path):
    (tmp_path / "history.csv").write_text("training,epoch,loss,accuracy\nhead,1,0.5,\n")
    assert not rows.history(tmp_path)["accuracy"]
    (tmp_path / "history.csv").write_text("training,epoch,loss,accuracy\nhead,1,0.5,0.9\n")
    assert rows.history(tmp_path)["accuracy"]
