import json
import time

import numpy as np
import pytest

from headstart.records import Estimate, Predictions, to_json
from headstart.scoring.score import score, transfer_gain


def predictions(n=200, classes=4, seed=0, strength=3.0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), targets] += strength
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    names = tuple(f"item{i}.jpg" for i in range(n))
    return Predictions(chances, tuple("abcdefghij"[:classes]), names, targets)


def test_the_layout_is_the_one_agreed():
    p = predictions()
    result = json.loads(to_json(score(p, uncalibrated=p.probabilities**0.5)))
    bins = {"reliability", "reliability_uncalibrated"}
    assert set(result) == bins | {"test", "per_class", "confusion", "mistakes"}
    measures = {"accuracy", "balanced_accuracy", "macro_f1", "auroc", "log_loss", "ece"}
    assert set(result["test"]) == measures | {"log_loss_uncalibrated", "ece_uncalibrated"}
    for estimate in result["test"].values():
        assert set(estimate) == {"value", "low", "high", "n", "method"}
        assert estimate["n"] == 200
    assert [set(row) for row in result["per_class"]] == [
        {"class", "n", "precision", "recall", "f1"}
    ] * 4
    assert np.sum(result["confusion"]["counts"]) == 200
    assert sum(b["n"] for b in result["reliability"]) == 200
    assert set(result["mistakes"][0]) == {"name", "truth", "predicted", "confidence"}


def test_mistakes_come_most_confident_first_and_are_mistakes():
    p = predictions(strength=1.0)
    mistakes = score(p)["mistakes"]
    assert len(mistakes) == 24
    assert all(m["truth"] != m["predicted"] for m in mistakes)
    confidences = [m["confidence"] for m in mistakes]
    assert confidences == sorted(confidences, reverse=True)


def test_unreadable_and_unlabelled_items_are_left_out():
    p = predictions()
    chances, targets = p.probabilities.copy(), p.targets.copy()
    chances[0] = np.nan
    targets[1] = -1
    holed = Predictions(chances, p.classes, p.names, targets)
    rest = Predictions(p.probabilities[2:], p.classes, p.names[2:], p.targets[2:])
    clusters = np.arange(200) // 2
    assert to_json(score(holed, clusters=clusters)) == to_json(score(rest, clusters=clusters[2:]))


def test_clusters_widen_what_they_should():
    p = predictions(strength=1.0)
    again = Predictions(
        np.repeat(p.probabilities, 5, axis=0),
        p.classes,
        tuple(np.repeat(p.names, 5)),
        np.repeat(p.targets, 5),
    )
    alone, grouped = score(again), score(again, clusters=np.repeat(np.arange(200), 5))
    for key in alone["test"]:
        a, g = alone["test"][key], grouped["test"][key]
        assert a.value == pytest.approx(g.value)
        assert g.high - g.low > 1.5 * (a.high - a.low), key


def test_what_cannot_be_scored_is_refused():
    p = predictions()
    with pytest.raises(ValueError, match="without targets"):
        score(Predictions(p.probabilities, p.classes, p.names))
    with pytest.raises(ValueError, match="no readable item"):
        score(Predictions(p.probabilities, p.classes, p.names, np.full(200, -1)))
    with pytest.raises(ValueError, match="uncalibrated"):
        score(p, uncalibrated=p.probabilities[:3])


def test_transfer_gain():
    p = predictions()
    found = transfer_gain(p.labels == p.targets, p.targets == 0, None, "majority")
    assert found["over"] == "majority"
    assert isinstance(found["gain"], Estimate)
    assert found["gain"].low > 0.3


def test_scoring_is_fast_enough_to_go_unnoticed():
    for n, classes, seconds in ((1000, 10, 1.0), (816, 10, 1.0)):
        p = predictions(n=n, classes=classes)
        start = time.process_time()
        score(p, uncalibrated=p.probabilities)
        assert time.process_time() - start < seconds
