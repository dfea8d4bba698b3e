"""What fine-tuning leaves: a row an epoch, and a picture of what it saw."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.images.preprocess import Preprocess
from headstart.results.histories import write_history, write_preview
from headstart.training.record import Epoch
from headstart.training.schedule import Recipe


def epoch(number, **more):
    fields = {
        "epoch": number, "trainable_stages": 2, "lr": 1e-4, "loss": 1 / number, "accuracy": 0.5,
        "val_loss": math.nan, "val_accuracy": math.nan, "measure": 0.123456789, "seconds": 2.0,
        "images": 40,
    }  # fmt: skip
    return Epoch(**fields | more)


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_row_an_epoch_of_every_training(tmp_path):
    path = tmp_path / "history.csv"
    write_history(path, {"round1": [epoch(1), epoch(2, val_loss=0.25)], "round2": [epoch(1)]})
    found = rows(path)
    assert [(row["training"], row["epoch"]) for row in found] == [
        ("round1", "1"), ("round1", "2"), ("round2", "1"),
    ]  # fmt: skip
    assert [row["val_loss"] for row in found] == ["", "0.25", ""], "what was not measured is empty"
    assert [float(row["loss"]) for row in found] == [1, 0.5, 1]
    assert found[0]["lr"] == "0.0001"
    assert found[0]["measure"] == "0.123457"
    assert "effective_rank" not in found[0]


def test_further_columns_where_they_are_asked_for(tmp_path):
    path = tmp_path / "history.csv"
    told = [epoch(1, effective_rank=3.5), epoch(2)]
    write_history(path, {"embedding": told}, more=("effective_rank",))
    assert [row["effective_rank"] for row in rows(path)] == ["3.5", ""]
    write_history(path, {})
    assert rows(path) == []


@pytest.mark.parametrize("policy", ["none", "standard"])
def test_the_preview_shows_each_image_as_it_is_and_as_training_sees_it(tmp_path, policy):
    rng = np.random.default_rng(0)
    names = [f"{k}.png" for k in range(9)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (60, 60, 3), np.uint8)).save(tmp_path / name)
    data = Dataset.unlabelled(names, root=tmp_path)
    recipe, items = Recipe(augment=policy, hflip="no"), np.array([8, 2, 4])
    for place in ("one.jpg", "two.jpg"):
        write_preview(tmp_path / place, data, items, recipe, Preprocess(32))
    picture = Image.open(tmp_path / "one.jpg")
    assert picture.size == (5 * 32, 3 * 32), "itself and four looks, a row each"
    pixels = np.asarray(picture, float).reshape(3, 32, 5, 32, 3).transpose(0, 2, 1, 3, 4)
    looks = np.abs(pixels[:, 1:] - pixels[:, :1]).mean()
    assert looks < 6 if policy == "none" else looks > 15
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
    write_preview(tmp_path / "many.jpg", data, np.arange(9), recipe, Preprocess(32))
    assert Image.open(tmp_path / "many.jpg").size == (5 * 32, 6 * 32), "six at most"
