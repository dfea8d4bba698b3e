"""The top of a page: a measure, what it must beat, and by how much."""

from __future__ import annotations

import pytest

from headstart.metrics.statistic import Measure
from headstart.reporting.headline import (
    baseline_rows,
    doubt_of,
    gain_sentence,
    headline,
    measure_rows,
    shifts_of,
)

ACCURACY = Measure("accuracy", "accuracy", meaning="share that is right")
ERROR = Measure("mean_absolute_error", "mean absolute error", False, "plain")


def estimate(value, low=None, high=None, n=200):
    ends = (value - 0.02, value + 0.03) if low is None else (low, high)
    return dict(zip(("value", "low", "high", "n"), (value, *ends, n)))


@pytest.mark.parametrize(("primary", "best"), [(ACCURACY, 0.75), (ERROR, 0.25)])
def test_the_baseline_that_is_hardest_to_beat_comes_first(primary, best):
    values = {"my_own": 0.5, "majority": 0.25, "raw_pixels": 0.75, "scratch": None}
    given = {name: {primary.key: {"value": value}} for name, value in values.items()}
    rows = baseline_rows({"baselines": given | {"frozen": None, "softmax": {"other": 1}}}, primary)
    assert rows[0]["estimate"]["value"] == best
    assert {row["summary"]: row["estimate"]["value"] for row in rows} == {
        "raw pixels without a network": 0.75,
        "my own": 0.5,
        "always the most frequent class": 0.25,
    }


def test_measures_are_called_as_their_task_calls_them():
    test = {"mean_absolute_error": estimate(2.0), "accuracy": estimate(0.5), "unknown": 1}
    absent = Measure("auroc", "AUROC")
    rows = measure_rows({"test": test}, [ACCURACY, absent, ERROR])
    assert [row["words"] for row in rows] == ["Accuracy", "Mean absolute error"]
    assert [row["estimate"]["value"] for row in rows] == [0.5, 2.0]
    assert [row["unit"] for row in rows] == ["share", "plain"]
    assert rows[0]["meaning"] == "share that is right"


@pytest.mark.parametrize(
    ("given", "of", "counts"),
    [
        (estimate(0.914, 0.876, 0.945), 100, (91, 88, 95)),
        (estimate(0.994, 0.985, 0.9985, n=300), 1000, (994, 985, 999)),
        (estimate(0.994, 0.985, 0.9985, n=299), 100, (99, 99, 100)),
        (estimate(1.0, 0.98, 1.0, n=900), 100, (100, 98, 100)),
        (estimate(0.125, 0.1, 0.2), 100, (13, 10, 20)),  # a half is rounded up
    ],
)
def test_a_share_is_a_count_of_new_images(given, of, counts):
    found = headline({"test": {"accuracy": given}}, ACCURACY, [])
    assert (found["value"], found["low"], found["high"]) == counts
    assert (found["of"], found["verb"], found["ends"]) == (of, "classified", (0.0, 1.0))
    people = {"test": {"accuracy": given}, "retrieval": {}}
    assert headline(people, ACCURACY, [])["verb"] == "identified"


def test_what_is_no_share_has_room_for_the_baselines_on_its_line():
    metrics = {"test": {"mean_absolute_error": estimate(2.0, 1.5, 2.5)}}
    rows = [{"estimate": {"high": high}} for high in (9.5, None, 4.0)]
    found = headline(metrics, ERROR, rows)
    assert (found["ends"], found["estimate"]["value"]) == ((0.0, 9.5), 2.0)
    assert "of" not in found
    assert headline(metrics, ERROR, [])["ends"] == (0.0, 2.5)
    metrics["test"]["mean_absolute_error"]["low"] = None
    assert headline(metrics, ERROR, rows) is None


@pytest.mark.parametrize(
    ("primary", "ends", "said"),
    [
        (ACCURACY, (0.1, 0.02, 0.16), "10 points (2 to 16) more than raw pixels without a network"),
        (ACCURACY, (-0.1, -0.16, -0.02), "10 points (2 to 16) less than raw pixels without a net"),
        (ACCURACY, (0.1, 0.0, 0.16), "Not surely better than raw pixels without a network: +10 po"),
        (ACCURACY, (0.01, 0.004, 0.02), "1.0 points (0.4 to 2.0) more than raw pixels"),
        (ERROR, (1.25, 0.5, 2.0), "1.25 (0.5 to 2) less than raw pixels"),
        (ERROR, (-1.25, -2.0, -0.5), "1.25 (0.5 to 2) more than raw pixels"),
        (
            ERROR,
            (-0.5, -2.0, 1.0),
            "Not surely better than raw pixels without a network: -0.5 (-2 ",
        ),
    ],
)
def test_the_gain_says_which_way_and_how_surely(primary, ends, said):
    found = {"over": "raw_pixels", "gain": estimate(*ends)}
    assert gain_sentence({"transfer_gain": found}, primary).startswith(said)
    assert gain_sentence({"transfer_gain": None}, primary) is None


def test_only_images_of_another_kind_are_spoken_of():
    alike = {"unlike": False, "summary": "Alike."}
    assert shifts_of({}) == []
    assert shifts_of({"validation": alike, "test_shift": alike}) == []
    unlike = {"unlike": True, "summary": "Unlike."}
    assert shifts_of({"validation": alike, "test_shift": unlike}) == ["Unlike."]


def test_an_overlap_is_no_count_of_images():
    metrics = {"test": {"mean_iou": {"value": 0.86, "low": 0.83, "high": 0.88, "n": 73}}}
    counted = headline(metrics, Measure("mean_iou", "mean IoU"), [])
    plain = headline(metrics, Measure("mean_iou", "mean IoU", counted=False), [])
    assert counted["of"] == 100
    assert "of" not in plain
    assert plain["unit"] == "share"


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_is_undefined_is_not_called_useless(value):
    gain = {"value": value, "low": -1.0, "high": 1.0, "n": 10}
    said = doubt_of({"transfer_gain": {"over": "median_box", "gain": gain}})
    assert "Nothing could be measured" in said
    assert "Not surely better" not in said
    shown = doubt_of({"transfer_gain": {"over": "median_box", "gain": gain | {"value": 0.1}}})
    assert shown.startswith("Not surely better")


def test_what_was_tried_is_not_advised_again():
    unsure = {"transfer_gain": {"over": "frozen", "gain": {"value": 0.1, "low": -1, "high": 1}}}
    assert "--strategy finetune" in doubt_of(unsure | {"task": "classification"})
    people = doubt_of(unsure | {"task": "identity", "finetuning": {"kept": "probe"}})
    assert "headstart advise DATA --task identity" in people
    assert "finetune" not in people
    places = doubt_of(unsure | {"task": "segmentation", "end_to_end": True})
    assert "finetune" not in places
    assert "finetune" in doubt_of(unsure | {"task": "segmentation", "end_to_end": False})


def test_what_is_surely_worse_is_not_only_called_unsure():
    told = {"over": "constant", "gain": {"value": -0.2, "low": -0.3, "high": -0.1}}
    assert doubt_of({"transfer_gain": told}).startswith("Surely worse than ")
    told["gain"]["high"] = 0.1
    assert doubt_of({"transfer_gain": told}).startswith("Not surely better than ")


def told_beside(majority: float, low: float) -> str:
    gain = {"over": "raw_pixels", "gain": {"value": -0.1, "low": -0.2, "high": 0.1}}
    found = doubt_of({
        "primary": "accuracy", "test": {"accuracy": estimate(0.6, low, 0.7)},
        "baselines": {"majority": {"accuracy": {"value": majority}}}, "transfer_gain": gain,
    })  # fmt: skip
    assert found is not None
    return found


def test_what_is_no_better_than_guessing_is_said_to_be():
    both = "Not surely better than raw pixels without a network, nor than always the most frequent"
    assert told_beside(0.5, 0.45).startswith(both)
    assert "most frequent" not in told_beside(0.5, 0.55)


def test_where_the_test_shows_one_class_the_model_is_not_blamed():
    """Masks without any object: a few false pixels are no use that is missing."""
    said = told_beside(1.0, 0.45)
    assert said.startswith("The test images show one class and nothing else")
    assert "--split none" in said
