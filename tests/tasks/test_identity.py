"""Identity as a task: what is checked, answered, measured and shown, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import DataError
from headstart.images.stats import ImageStats
from headstart.predictions import Identities
from headstart.records import OutputSpec
from headstart.scoring.score import score, transfer_gain
from headstart.tasks import identity
from headstart.tasks.protocol import Places

PEOPLE = ("Ann", "Ben", "Cid")
NAMES = tuple(f"{number}.jpg" for number in range(4))
LABELS = Classes(PEOPLE, np.array([0, 0, 1, 2]))
GIVEN = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], np.float32)
ANSWERS = Identities(NAMES, PEOPLE, GIVEN)


def people(targets: list[int], splits: list[str] | None = None) -> Dataset:
    n = len(targets)
    names, given = tuple(f"{i}.jpg" for i in range(n)), np.array(splits or [""] * n)
    return Dataset(None, names, Classes(PEOPLE, np.array(targets)), given, task="identity")


def found(dataset: Dataset, clusters: np.ndarray | None = None) -> dict[str, int]:
    alike = np.arange(len(dataset)) if clusters is None else clusters
    stats = ImageStats.empty(len(dataset))
    return {each.check: each.count for each in identity.check(dataset, stats, alike)}


def test_who_has_a_single_image_cannot_be_known_again():
    assert found(people([0, 0, 1, 1, 2, 2])) == {}
    assert found(people([0, 0, 1, 1, 2])) == {"identities_of_one": 1}
    assert found(people([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 2, 3, 4])) == {
        "identities_of_one": 1  # both images of the first are copies
    }
    assert found(people([0, 0, 1, 1, 2, 2, -1])) == {}


def test_the_same_identities_on_both_sides_of_a_split():
    parts = ["train", "test", "train", "train", "test", "test"]
    assert found(people([0, 0, 1, 1, 2, 2], parts)) == {"same_identities_on_both_sides": 1}
    parts = ["train", "train", "train", "train", "test", "test"]
    assert found(people([0, 0, 1, 1, 2, 2], parts)) == {}


def test_what_is_learnt_is_whom_an_image_shows():
    target = identity.encode(LABELS, np.arange(4))
    assert target.spec == OutputSpec("identity", PEOPLE)
    assert target.classes.tolist() == [0, 0, 1, 2]
    told = identity.encode(LABELS, np.arange(4), OutputSpec("identity", ("Cid", "Ben", "Ann")))
    assert told.classes.tolist() == [2, 2, 1, 0]
    with pytest.raises(DataError, match="Cid"):
        identity.encode(LABELS, np.arange(4), OutputSpec("identity", ("Ann", "Ben")))


def test_an_answer_is_the_nearest_of_the_enrolled():
    places = Places(NAMES, {"3.jpg": "not an image"}, threshold=0.75)
    given = np.where(np.arange(4)[:, None] == 3, np.nan, GIVEN)
    answers = identity.decode({"probabilities": given}, OutputSpec("identity", PEOPLE), places)
    assert [answers.text(i) for i in range(4)] == ["Ann 90%", "not sure", "Ben 80%",
                                                   "not an image"]  # fmt: skip
    assert answers.record(0)["identity"] == "Ann"
    assert answers.record(3) == {"name": "3.jpg", "error": "not an image"}


def test_measures_by_hand():
    measured = {name: each.value for name, each in identity.measures(ANSWERS, LABELS).items()}
    assert measured["rank_1"] == 0.75
    truth = [0.9, 0.2, 0.8, 0.4]
    assert measured["log_loss"] == pytest.approx(-np.log(truth).mean(), rel=1e-5)
    assert set(measured) == {each.key for each in identity.MEASURES}
    assert identity.PRIMARY is identity.MEASURES[0]


def test_the_interval_is_over_identities():
    many = np.repeat([0, 1, 2], 40)
    answers = Identities(
        tuple(map(str, range(120))), PEOPLE, np.eye(3, dtype=np.float32)[np.minimum(many, 1)]
    )
    labels = Classes(PEOPLE, many)
    by_image = score("identity", answers, labels).value
    by_identity = score("identity", answers, labels, clusters=many).value
    assert by_image.value == by_identity.value == pytest.approx(2 / 3)
    width = [each.high - each.low for each in (by_image, by_identity)]
    assert width[1] > 3 * width[0]


def test_mistakes_the_surest_first():
    shown = identity.details(ANSWERS, LABELS, None, 0)
    assert [each["name"] for each in shown["mistakes"]] == ["1.jpg"]
    assert shown["mistakes"][0] | {"confidence": 0.7} == {
        "name": "1.jpg", "truth": "Ann", "predicted": "Ben", "confidence": 0.7,
    }  # fmt: skip
    assert math.isclose(sum(each.n for each in shown["reliability"]), 4)


def test_whoever_never_looks_has_an_even_chance():
    train, test = np.array([0]), np.array([1, 2, 3])
    [(name, chance)] = identity.baselines(LABELS, NAMES, train, test).items()
    assert name == "chance"
    assert chance.names == NAMES[1:]
    assert np.allclose(chance.probabilities, 1 / 3)
    own = ANSWERS.take(test)
    gain = transfer_gain("identity", own, {name: chance}, LABELS.take(test))
    assert gain["over"] == "chance"
    assert gain["gain"].value == pytest.approx(1 / 3)


def test_the_answer_is_drawn_on_a_copy():
    pixels = np.full((60, 90, 3), 128, np.uint8)
    drawn = identity.draw(pixels, ANSWERS, 0)
    assert drawn.shape == pixels.shape
    assert (drawn != pixels).any()
    assert (pixels == 128).all()
