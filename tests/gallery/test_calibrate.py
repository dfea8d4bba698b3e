"""Thresholds calibrated on enrolled photos keep what they promise on people never seen."""

import json

import numpy as np
import pytest
from tests.gallery.people import crowd, vectors_of

from headstart.gallery.calibrate import Calibration, _identify, calibrate, knows_nobody, useless
from headstart.gallery.leave_one_out import leave_one_out
from headstart.gallery.search import Index, unit


def strangers(index, threshold, count=400):
    """Share of strangers that the gallery takes for somebody."""
    probes = np.concatenate([vectors_of(f"stranger {at}", 1) for at in range(count)])
    return np.mean([found[0][1] > threshold for found in index.search(probes)])


@pytest.mark.parametrize(("method", "k"), [("knn", 1), ("knn", 3), ("centroid", 1)])
def test_the_rate_is_kept_on_strangers(method, k):
    vectors, owners = crowd(60, 5)
    found = calibrate(vectors, owners, far=0.1, method=method, k=k)
    assert found is not None
    index = Index(16, method=method, k=k)
    for person in range(60):
        index.name(person, str(person))
    index.add(owners, vectors)
    measured = strangers(index, found.identify.threshold.value)
    assert 0.03 < measured < 0.2
    noise = 2 * (measured / 400) ** 0.5  # 400 strangers do not know it exactly either
    assert found.identify.far.low - noise <= measured <= found.identify.far.high + noise
    assert found.identify.far.value <= 0.1
    assert found.identify.shown
    threshold = found.identify.threshold
    assert threshold.low < threshold.value < threshold.high < 1


def test_the_rate_is_kept_on_pairs():
    vectors, owners = crowd(60, 5)
    found = calibrate(vectors, owners, far=0.01)
    assert found is not None
    other, of = crowd(140, 3)
    trials = leave_one_out(other[of >= 60], of[of >= 60], most=400)
    rate = np.mean(trials.scores[~trials.same] > found.verify.threshold.value)
    assert 0.005 < rate < 0.02
    assert found.verify.far.low <= rate <= found.verify.far.high
    tar = np.mean(trials.scores[trials.same] > found.verify.threshold.value)
    assert found.verify.tar.low <= tar <= found.verify.tar.high


def test_what_cannot_be_shown_is_said():
    vectors, owners = crowd(4, 5)
    found = calibrate(vectors, owners, far=0.001)
    assert found is not None
    assert not found.identify.shown
    assert found.identify.far.value == 0
    assert found.identify.threshold.high == 1
    trials = leave_one_out(vectors, owners)
    assert found.identify.threshold.value == pytest.approx(trials.best_impostor.max())
    assert any("3,000 strangers, and there are 20 (photos of 4 people)" in x for x in found.summary)
    enough = calibrate(*crowd(40, 5), far=0.05)
    assert enough is not None
    assert enough.summary == ()


def test_one_photo_each_and_one_person():
    vectors, owners = crowd(30, 1)
    found = calibrate(vectors, owners, far=0.1)
    assert found is not None
    assert found.identify.tar.n == found.verify.tar.n == 0
    assert any("one photo" in line for line in found.summary)
    assert calibrate(vectors_of("Ann", 5), np.zeros(5, int), far=0.1) is None
    assert calibrate(np.empty((0, 16), np.float32), np.empty(0, int), far=0.1) is None


def test_subgroups():
    """People of one group look more alike: the common threshold is too low for them."""
    rng = np.random.default_rng(0)
    a, owners = crowd(20, 5)
    b, _ = crowd(20, 5)
    shared = 2.0 * rng.standard_normal(16).astype(np.float32)
    b = b + shared / np.linalg.norm(shared)
    b = (b / np.linalg.norm(b, axis=1, keepdims=True)).astype(np.float32)
    vectors, owners = np.concatenate((a, b)), np.concatenate((owners, owners + 20))
    attributes = [
        {"group": "ab"[int(person >= 20)], "age": str(at), "sex": "f"}
        for at, person in enumerate(owners)
    ]
    found = calibrate(vectors, owners, far=0.05, attributes=attributes)
    assert found is not None
    assert [each.value for each in found.subgroups] == ["a", "b"]
    first, second = found.subgroups
    assert (first.people, first.photos) == (20, 100)
    assert second.identify.far.value > first.identify.far.value
    assert second.identify.threshold.value > found.identify.threshold.value
    assert first.verify is not None
    assert second.verify is not None
    assert second.verify.far.value > 0.1 > first.verify.far.value
    assert any("age has 200 different values" in line for line in found.summary)
    alone = calibrate(
        vectors, owners, far=0.05, attributes=[{"x": "ab"[int(p > 0)]} for p in owners]
    )
    assert alone is not None
    assert alone.subgroups[0].verify is None, "one person makes no pair"


def test_json_keeps_it():
    vectors, owners = crowd(12, 3)
    attributes = [{"group": "ab"[person % 2]} for person in owners]
    found = calibrate(vectors, owners, far=0.1, attributes=attributes, seed=3)
    assert found is not None
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert calibrate(vectors, owners, far=0.1, attributes=attributes, seed=3) == found


def test_many_photos_are_calibrated_with_some():
    vectors, owners = crowd(200, 2)
    found = calibrate(vectors, owners, far=0.1, most=100)
    assert found is not None
    assert (found.people, found.photos) == (200, 400)
    assert found.identify.threshold.n == 100
    assert "100 of 400 photos" in found.summary[0]


def test_the_intervals_hold_the_truth():
    """Of 80 galleries of 20 people: the rate of strangers yet to come, and its threshold."""
    rng = np.random.default_rng(0)

    def people(count, photos):
        centres = unit(rng.standard_normal((count, 1, 16)).reshape(count, 16))[:, None]
        noise = 0.2 * rng.standard_normal((count, photos, 16))
        return unit((centres + noise).reshape(-1, 16))

    missed = {"rate": 0, "threshold": 0}
    for _ in range(80):
        vectors, owners = people(20, 5), np.repeat(np.arange(20), 5)
        trials = leave_one_out(vectors, owners)
        found = _identify(trials, np.ones(100, bool), 0.1, None, 0, 20)
        strangers = (people(1500, 1) @ vectors.T).max(axis=1)
        rate = np.mean(strangers > found.threshold.value)
        missed["rate"] += not found.far.low <= rate <= found.far.high
        truth = np.quantile(strangers, 0.9)
        missed["threshold"] += not found.threshold.low <= truth <= found.threshold.high
    assert max(missed.values()) <= 11, missed  # 5 % are 4; drawn apart it would be about 16


def test_a_gallery_that_knows_nobody_says_so():
    """Photos of one person that have nothing in common: thresholds that nobody passes."""
    vectors = unit(np.random.default_rng(0).standard_normal((60, 16)).astype(np.float32))
    owners = np.repeat(np.arange(20), 3)
    found = calibrate(vectors, owners, far=0.001)
    assert found is not None
    assert found.identify.tar.value <= 0.05
    text = knows_nobody(found, "g")
    assert text.startswith("g recognises ")
    assert "of the 60 photos" in text
    assert useless(found)
    few = calibrate(vectors[:6], owners[:6], far=0.001)
    assert few is not None
    assert not useless(few), "among so few it may be chance"
    good = calibrate(*crowd(20, 3, noise=0.2), far=0.01)
    assert good is not None
    assert (knows_nobody(good, "g"), useless(good)) == ("", False)


def test_photos_of_one_each_say_nothing_of_it():
    found = calibrate(*crowd(20, 1), far=0.01)
    assert found is not None
    assert knows_nobody(found, "g") == ""


@pytest.mark.parametrize("part", ["far", "people", "summary", "identify"])
def test_numbers_that_are_none_are_no_calibration(part):
    found = calibrate(*crowd(5, 3), far=0.1)
    assert found is not None
    value = found.to_json()
    if part == "identify":
        value["identify"]["threshold"]["value"] = None
    else:
        value[part] = [3]
    with pytest.raises(ValueError, match=r"none|no text"):
        Calibration.from_json(value)
