"""Every task has the agreed names, and one cycle with each: encode, decode, measure, show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from headstart import tasks
from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Numbers
from headstart.data.masks.masks import Masks
from headstart.errors import DataError, OptionError
from headstart.images.stats import ImageStats
from headstart.metrics.statistic import Measure, Statistic, estimate
from headstart.records import Finding, OutputSpec, to_json
from headstart.scoring.score import score
from headstart.tasks import TASKS, decode, decode_parts, task_of, words_of
from headstart.tasks.protocol import Places

N = 60
NAMES = tuple(f"{i:02}.png" for i in range(N))
KNOWN = Classes(("ant", "bee", "cat"), np.arange(N) % 3)
SIDE = 24


@dataclass(frozen=True)
class Disc:
    """A mask with a disc of class 1 on class 0."""

    number: int

    def read(self) -> np.ndarray:
        across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
        middle = 6 + self.number % 12
        return ((across - middle) ** 2 + (down - 12) ** 2 < 25).astype(np.uint8)


def discs() -> Masks:
    sources = tuple(Disc(number) for number in range(N))
    pixels = np.array([np.bincount(each.read().ravel(), minlength=2) for each in sources])
    palette = np.array([[0, 0, 0], [255, 160, 0]], np.uint8)
    return Masks(("ground", "disc"), sources, pixels, np.full((N, 2), SIDE), palette)


def boxes() -> Boxes:
    """Two boxes on every image, of two classes, at places of their own."""
    first = np.array([[2.0, 2, 10, 12], [12, 8, 22, 20]])
    corners = np.concatenate([first + np.tile([i % 3, i % 2], 2) for i in range(N)])
    counts = np.arange(N + 1) * 2
    kinds = np.tile([0, 1], N)
    return Boxes(("cat", "dog"), counts, np.minimum(corners, SIDE), kinds, np.ones(N, bool),
                 np.full((N, 2), SIDE))  # fmt: skip


LABELS = {
    "detection": boxes(),
    "classification": KNOWN,
    "identity": KNOWN,
    "regression": Numbers("age", np.linspace(1, 90, N)),
    "segmentation": discs(),
}
AGREED = (
    "PRIMARY", "MEASURES", "check", "encode", "decode", "measures", "details", "baselines", "draw",
)  # fmt: skip


@pytest.fixture(params=sorted(TASKS))
def name(request) -> str:
    return request.param


def probabilities(target, certain: float = 0.9) -> np.ndarray:
    """(N, C) outputs that are right, and rather sure; of masks a map each."""
    columns = len(target.spec.names)
    if target.spec.task == "segmentation":
        masks = LABELS["segmentation"]
        right = np.stack([np.eye(columns)[masks.read(i)] for i in range(N)])
        return (certain * right + (1 - certain) / columns).transpose(0, 3, 1, 2)
    return certain * np.eye(columns)[target.classes] + (1 - certain) / columns


def outputs_of(target) -> dict[str, np.ndarray]:
    """Outputs that are right, and rather sure."""
    if target.spec.task != "detection":
        return {"probabilities": probabilities(target)}
    given = LABELS["detection"]
    scores = np.full((N, 2), 0.9)
    return {
        "boxes": given.corners.reshape(N, 2, 4), "scores": scores,
        "labels": given.classes.reshape(N, 2), "sizes": given.sizes,
    }  # fmt: skip


def answered(name: str):
    """Right answers of one task, and the labels."""
    labels = LABELS[name]
    target = task_of(name).encode(labels, np.arange(N))
    return decode(outputs_of(target), target.spec, Places(NAMES, {})), labels


def test_every_task_is_tried_here():
    assert set(LABELS) == set(TASKS)


def test_the_agreed_names_are_there(name):
    task = task_of(name)
    assert not [each for each in AGREED if not hasattr(task, each)]
    assert task.PRIMARY in task.MEASURES
    keys = [each.key for each in task.MEASURES]
    assert len(set(keys)) == len(keys)
    for each in task.MEASURES:
        assert isinstance(each, Measure)
        assert each.meaning, f"{each.key} is explained"


def test_what_is_encoded_comes_back_and_is_measured(name):
    predictions, labels = answered(name)
    assert predictions.names == NAMES
    assert predictions.answered.all()
    task = task_of(name)
    found = task.measures(predictions, labels)
    assert set(found) == {each.key for each in task.MEASURES}
    for key, statistic in found.items():
        assert isinstance(statistic, Statistic)
        assert statistic.n == N
        one = estimate(statistic)
        assert one.low <= one.value <= one.high, key
    value = found[task.PRIMARY.key].value
    worst = task.baselines(labels, NAMES, np.arange(N), np.arange(N))
    assert worst
    for given in worst.values():
        assert given.names == NAMES
        assert task.PRIMARY.better(value - task.measures(given, labels)[task.PRIMARY.key].value)


def test_details_and_answers_are_ready_for_json(name):
    predictions, labels = answered(name)
    for clusters in (None, np.arange(N) // 2):
        assert json.loads(to_json(task_of(name).details(predictions, labels, clusters, 0)))
    assert json.loads(to_json(predictions.record(0)))["name"] == "00.png"
    found = score(name, predictions, labels)
    assert (found.task, found.primary) == (name, task_of(name).PRIMARY.key)


def test_unreadable_items_have_a_reason_and_no_answer(name):
    target = task_of(name).encode(LABELS[name], np.arange(N))
    outputs = outputs_of(target)
    outputs["scores" if "scores" in outputs else "probabilities"][4] = np.nan
    found = decode(outputs, target.spec, Places(NAMES, {"04.png": "torn"}))
    assert np.flatnonzero(~found.answered).tolist() == [4]
    assert found.text(4) == found.record(4)["error"] == "torn"


def test_a_spec_from_json_decodes_the_same(name):
    target = task_of(name).encode(LABELS[name], np.arange(N))
    spec = OutputSpec.from_json(json.loads(to_json(target.spec)))
    outputs, places = outputs_of(target), Places(NAMES, {})
    first, again = (decode(outputs, each, places) for each in (target.spec, spec))
    assert [first.record(i) for i in range(N)] == [again.record(i) for i in range(N)]
    told = task_of(name).encode(LABELS[name], np.arange(0), spec)
    assert told.classes.tolist() == target.classes.tolist()
    assert told.spec == spec


def test_an_answer_is_drawn_on_the_image(name):
    predictions, _ = answered(name)
    before = np.full((60, 200, 3), 128, np.uint8)
    after = task_of(name).draw(before, predictions, 7)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert (after != before).any()
    assert (before == 128).all(), "the image itself is left alone"


def test_checks_of_sound_labels_find_nothing_serious(name):
    blank = np.full(N, "")
    data = Dataset(Path("nowhere"), NAMES, LABELS[name], blank, task=name)
    found = list(task_of(name).check(data, ImageStats.empty(N), np.arange(N)))
    assert all(isinstance(each, Finding) for each in found)
    assert not [each for each in found if each.severity == "serious"]


@pytest.mark.parametrize("name", ["classification", "identity"])
def test_a_model_is_not_asked_about_what_it_does_not_know(name):
    spec = OutputSpec(name, ("cat", "ant"))
    with pytest.raises(DataError, match="bee"):
        task_of(name).encode(KNOWN, np.arange(N), spec)
    some = KNOWN.take(KNOWN.targets != 1)
    assert task_of(name).encode(some, np.arange(2), spec).classes.tolist()[:2] == [1, 0]


def test_the_ranges_of_a_regression_do_not_see_the_test():
    encode = task_of("regression").encode
    values = np.linspace(1, 90, N)
    train = np.arange(N - 10)
    before = encode(Numbers("age", values), train)
    values = values.copy()
    values[-1], values[-2] = 999, -999
    after = encode(Numbers("age", values), train)
    assert after.spec == before.spec
    assert after.spec.settings["edges"][-1] == values[train].max()
    assert after.classes[train].tolist() == before.classes[train].tolist()
    assert after.classes[-1] == len(after.spec.names) - 1, "the last range takes what lies beyond"
    assert after.classes[-2] == 0
    seen = encode(Numbers("age", values), np.arange(N)).spec
    assert seen.settings["edges"][-1] == 999, "in training it would have been seen"


def test_parts_are_put_together_in_order_of_item():
    spec = OutputSpec("classification", ("a", "b"))
    parts = [
        (np.array([3, 0]), {"probabilities": np.array([[0.9, 0.1], [0.8, 0.2]])}, spec),
        (np.array([2]), {"probabilities": np.array([[0.3, 0.7]])}, spec),
    ]
    items, found = decode_parts(parts, ("w", "x", "y", "z"))
    assert items.tolist() == [0, 2, 3]
    assert found.names == ("w", "y", "z")
    assert found.probabilities[:, 0].tolist() == [0.8, 0.3, 0.9]


def test_no_such_task():
    with pytest.raises(OptionError, match="choose classification"):
        tasks.task_of("telepathy")


def test_measures_have_one_wording_and_without_a_task_none():
    assert words_of("detection")["map"] == "AP"
    assert words_of("classification")["log_loss"] == "log-loss"
    assert words_of("") == {}
