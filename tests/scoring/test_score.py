import json
import time

import numpy as np
import pytest

from headstart.data.labels import Classes, Numbers
from headstart.predictions import ClassProbabilities, Intervals
from headstart.records import Estimate, to_json
from headstart.scoring.score import baseline_scores, measured, score, transfer_gain
from headstart.tasks import task_of

NAMES = "abcdefghij"


def answers(n=200, classes=4, seed=0, strength=3.0):
    """Answers of a classifier that is mostly right, and the labels."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), targets] += strength
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    names = tuple(f"item{i}.jpg" for i in range(n))
    known = tuple(NAMES[:classes])
    return ClassProbabilities(names, known, chances), Classes(known, targets)


def scored(given, labels, **options):
    return score("classification", given, labels, **options)


def test_the_layout_is_the_one_agreed():
    found = scored(*answers())
    result = json.loads(to_json(found))
    assert set(result) == {"task", "primary", "measures", "details"}
    assert (result["task"], result["primary"]) == ("classification", "accuracy")
    assert found.value == found.measures["accuracy"]
    assert set(result["measures"]) == {each.key for each in task_of("classification").MEASURES}
    for estimate in result["measures"].values():
        assert set(estimate) == {"value", "low", "high", "n", "method"}
        assert estimate["n"] == 200
    details = result["details"]
    assert set(details) == {"per_class", "confusion", "reliability", "mistakes"}
    assert [set(row) for row in details["per_class"]] == [
        {"class", "n", "precision", "recall", "f1"}
    ] * 4
    assert np.sum(details["confusion"]["counts"]) == 200
    assert sum(b["n"] for b in details["reliability"]) == 200
    assert set(details["mistakes"][0]) == {"name", "truth", "predicted", "confidence"}


def test_mistakes_come_most_confident_first_and_are_mistakes():
    mistakes = scored(*answers(strength=1.0)).details["mistakes"]
    assert len(mistakes) == 24
    assert all(m["truth"] != m["predicted"] for m in mistakes)
    confidences = [m["confidence"] for m in mistakes]
    assert confidences == sorted(confidences, reverse=True)


def test_unreadable_and_unlabelled_items_are_left_out():
    given, labels = answers()
    chances, targets = given.probabilities.copy(), labels.targets.copy()
    chances[0] = np.nan
    targets[1] = -1
    holed = ClassProbabilities(given.names, given.classes, chances)
    some = Classes(labels.names, targets)
    clusters = np.arange(200) // 2
    rest = np.arange(2, 200)
    found = scored(holed, some, clusters=clusters)
    alone = scored(given.take(rest), labels.take(rest), clusters=clusters[2:])
    assert to_json(found) == to_json(alone)
    assert measured("classification", holed, some).kept.tolist() == [False] * 2 + [True] * 198


def test_clusters_widen_what_they_should():
    given, labels = answers(strength=1.0)
    five = np.repeat(np.arange(200), 5)
    again = given.take(five), labels.take(five)
    alone, grouped = scored(*again), scored(*again, clusters=five)
    for key, a in alone.measures.items():
        g = grouped.measures[key]
        if key == "ece":  # copies are no pairs
            assert g.value <= a.value
            continue
        assert a.value == pytest.approx(g.value)
        assert g.high - g.low > 1.5 * (a.high - a.low), key


def test_what_cannot_be_scored_is_refused():
    given, labels = answers()
    unknown = Classes(labels.names, np.full(200, -1))
    with pytest.raises(ValueError, match="no readable item"):
        scored(given, unknown)
    unread = ClassProbabilities(given.names, given.classes, np.full((200, 4), np.nan))
    with pytest.raises(ValueError, match="no readable item"):
        scored(unread, labels)


def majority(given, labels):
    everything = np.arange(len(labels))
    return task_of("classification").baselines(labels, given.names, everything, everything)


def test_transfer_gain_is_over_the_best_baseline():
    given, labels = answers()
    weak, _ = answers(strength=0.5, seed=1)
    middling = ClassProbabilities(
        given.names, given.classes,
        np.eye(4)[np.where(np.arange(200) % 2, labels.targets, (labels.targets + 1) % 4)],
    )  # fmt: skip
    named = majority(given, labels) | {"raw_pixels": middling, "random_weights": weak}
    found = transfer_gain("classification", given, named, labels)
    assert found["over"] == "raw_pixels"
    assert isinstance(found["gain"], Estimate)
    own = scored(given, labels).value.value
    assert found["gain"].value == pytest.approx(own - 0.5)
    assert found["gain"].low > 0.3
    assert transfer_gain("classification", given, {}, labels) is None


def test_baselines_have_their_intervals_too():
    given, labels = answers()
    clusters = np.arange(200) // 4
    found = baseline_scores("classification", majority(given, labels), labels, clusters=clusters)
    assert set(found) == {"majority"}
    one = found["majority"]["accuracy"]
    assert one.value == np.bincount(labels.targets).max() / 200
    assert one.low < one.value < one.high
    assert one == scored(majority(given, labels)["majority"], labels, clusters=clusters).value


def test_a_gain_is_positive_where_less_is_better_too():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, 80)
    names = tuple(f"{i}.jpg" for i in range(80))

    def off_by(spread):
        guess = truth + rng.normal(0, spread, 80)
        return Intervals(names, guess, guess - 10, guess + 10)

    baselines = {"constant": off_by(30), "raw_pixels": off_by(10)}
    found = transfer_gain("regression", off_by(2), baselines, Numbers("age", truth))
    assert found["over"] == "raw_pixels"
    assert 0 < found["gain"].low < found["gain"].value < 10


def test_scoring_is_fast_enough_to_go_unnoticed():
    for n, classes, seconds in ((1000, 10, 1.0), (816, 10, 1.0)):
        given, labels = answers(n=n, classes=classes)
        start = time.process_time()
        scored(given, labels)
        assert time.process_time() - start < seconds
