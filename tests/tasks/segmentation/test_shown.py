from __future__ import annotations

import json

import numpy as np
import pytest

from headstart.records import to_json
from headstart.tasks.segmentation.counting import tally
from headstart.tasks.segmentation.shown import details_of

from .masks_here import CLASSES, maps_of, masks_of, scene

SCENES = [scene(seed) for seed in range(9)]


@pytest.fixture(scope="module")
def found():
    answers = [np.roll(each, 2 * i, 1) for i, each in enumerate(SCENES)]
    answers[4] = np.zeros_like(SCENES[4])
    predictions, labels = maps_of(answers), masks_of(SCENES)
    return details_of(predictions, labels, tally(predictions, labels), None, 0)


def test_classes_have_their_measures(found):
    assert [row["class"] for row in found["per_class"]] == list(CLASSES)
    for row in found["per_class"]:
        assert row["iou"].low <= row["iou"].value <= row["iou"].high
        assert row["n"] == 9
    assert np.sum(found["confusion"]["counts"]) == 9 * 90 * 60
    assert json.loads(to_json(found))


def test_examples_go_from_best_to_worst(found):
    rows = found["examples"]
    assert [row["what"] for row in rows] == ["best"] * 3 + ["middle"] * 3 + ["worst"] * 3
    assert rows[0]["name"] == "000.png"
    assert rows[0]["iou"] == 1.0
    assert rows[6]["name"] == "004.png"
    assert len({row["name"] for row in rows}) == 9


def test_what_the_model_contradicts_most_surely_is_to_be_looked_at_first(found):
    first = found["mistakes"][0]
    assert first["name"] == "004.png"
    wrong = (SCENES[4] > 0).mean()
    assert first["disagreement"] == pytest.approx(wrong)
    assert "ground 100%" in first["predicted"]
    assert "bar" in first["truth"]
    assert "000.png" not in [row["name"] for row in found["mistakes"]], "it agrees"


def test_areas_have_points_and_a_bias(found):
    disc = found["masks"]["areas"][1]
    assert len(disc["points"]) == 9
    assert disc["bias"].value == pytest.approx(-(SCENES[4] == 1).mean() / 9)
    quantiles = list(found["masks"]["quantiles"].values())
    assert quantiles == sorted(quantiles)


def test_few_images_are_shown_once():
    for count in (1, 2, 4):
        predictions, labels = maps_of(SCENES[:count]), masks_of(SCENES[:count])
        rows = details_of(predictions, labels, tally(predictions, labels), None, 0)["examples"]
        assert len({row["name"] for row in rows}) == len(rows) <= count


def test_masks_that_are_ignored_entirely_are_no_example():
    nothing = [np.full_like(SCENES[0], 255)]
    predictions, labels = maps_of(SCENES[:1]), masks_of(nothing)
    found = details_of(predictions, labels, tally(predictions, labels), None, 0)
    assert found["examples"] == found["mistakes"] == found["masks"]["areas"] == []
