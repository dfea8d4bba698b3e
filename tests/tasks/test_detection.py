"""Detection as a task: what is encoded comes back on the images, and is measured."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tests.tasks.detection.detected import right
from tests.tasks.detection.planted import sound

from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.metrics.statistic import Measure, estimate
from headstart.records import Finding, OutputSpec, to_json
from headstart.scoring.score import score
from headstart.tasks import decode, decode_parts, placed, settle, task_of, usual_threshold
from headstart.tasks.protocol import Places

AGREED = (
    "PRIMARY", "MEASURES", "check", "encode", "decode", "measures", "details", "baselines", "draw",
)  # fmt: skip


@pytest.fixture
def task():
    return task_of("detection")


def padded(labels, matrices, places=3):
    """Outputs of a network that is right: boxes on its input, filled up with scores of 0."""
    n = len(labels)
    boxes, scores, kinds = np.zeros((n, places, 4)), np.zeros((n, places)), np.zeros((n, places))
    for item in range(n):
        own = labels.of(item)
        count = own.stop - own.start
        scale = np.tile([matrices[item, 0, 0], matrices[item, 1, 1]], 2)
        boxes[item, :count] = labels.corners[own] * scale + np.tile(matrices[item, :, 2], 2)
        scores[item, :count] = 0.9
        kinds[item, :count] = labels.classes[own]
    return {"boxes": boxes, "scores": scores, "labels": kinds}


def letterboxes(n, rng=None):
    """(N, 2, 3): each image scaled and shifted otherwise."""
    rng = rng or np.random.default_rng(0)
    matrices = np.zeros((n, 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = rng.uniform(0.4, 2, n)
    matrices[:, :, 2] = rng.uniform(0, 40, (n, 2))
    return matrices


def test_the_agreed_names_are_there(task):
    assert not [each for each in AGREED if not hasattr(task, each)]
    assert [each.key for each in task.MEASURES] == ["map", "map_50", "map_75", "mar_100"]
    assert task.PRIMARY is task.MEASURES[0]
    assert all(isinstance(each, Measure) and each.meaning for each in task.MEASURES)


def test_boxes_come_back_on_their_images_and_are_measured(task):
    dataset, _ = sound()
    labels, matrices = dataset.labels, letterboxes(60)
    target = task.encode(labels, np.arange(60))
    places = Places(dataset.names, {}, sizes=labels.sizes, matrices=matrices)
    found = decode(padded(labels, matrices), target.spec, places)
    assert np.allclose(found.corners, labels.corners)
    assert found.answered.all()
    assert found.threshold == target.spec.settings["threshold"]
    for key, statistic in task.measures(found, labels).items():
        one = estimate(statistic)
        assert one.value == pytest.approx(1.0), key
        assert one.low <= one.value <= one.high
    kept = padded(labels, matrices) | {"sizes": labels.sizes, "matrices": matrices}
    again = decode(kept, target.spec, Places(dataset.names, {}))
    assert again.corners.tolist() == found.corners.tolist(), "kept beside them it is the same"
    told = score("detection", found, labels)
    assert (told.primary, told.value.value) == ("map", pytest.approx(1.0))
    assert json.loads(to_json(told.details))


def test_unreadable_items_nothing_found_and_boxes_beyond_the_edge(task):
    spec = OutputSpec("detection", ("cat",))
    outputs = {
        "boxes": np.array([[[-5.0, 2, 400, 30]], [[0, 0, 1, 1]], [[0, 0, 1, 1]]]),
        "scores": np.array([[0.8], [0.0], [np.nan]]), "labels": np.zeros((3, 1)),
    }  # fmt: skip
    sizes = np.full((3, 2), (100, 50))
    found = decode(outputs, spec, Places(("a", "b", "c"), {"c": "torn"}, sizes=sizes))
    assert found.corners.tolist() == [[0, 2, 100, 30]]
    assert [found.text(i) for i in range(3)] == ["cat 1", "no object", "torn"]
    assert decode(outputs, spec, Places(("a", "b", "c"), {})).text(2) == "unreadable"
    none = {"boxes": np.zeros((2, 0, 4)), "scores": np.zeros((2, 0)), "labels": np.zeros((2, 0))}
    empty = decode(none, spec, Places(("a", "b"), {}))
    assert empty.answered.all()
    assert empty.text(1) == "no object"
    assert decode(outputs, spec, Places(("a", "b", "c"), {}, threshold=0.9)).text(0) == "no object"


def test_answers_of_several_models_come_in_the_order_of_the_items(task):
    dataset, _ = sound()
    labels = dataset.labels
    matrices = np.tile(np.eye(2, 3), (60, 1, 1))
    outputs = padded(labels, matrices) | {"sizes": labels.sizes}
    spec = task.encode(labels, np.arange(60)).spec
    parts = [
        (rows, {name: each[rows] for name, each in outputs.items()}, spec)
        for rows in (np.arange(30, 60), np.arange(0, 30))
    ]
    items, found = decode_parts(parts, dataset.names)
    assert items.tolist() == list(range(60))
    assert np.allclose(found.corners, labels.corners)


def test_a_spec_tells_labels_in_its_own_terms_or_refuses_them(task):
    labels = sound()[0].labels
    target = task.encode(labels, np.arange(60))
    spec = OutputSpec.from_json(json.loads(to_json(target.spec)))
    assert spec == target.spec
    assert task.encode(labels, np.arange(0), spec).classes.tolist() == target.classes.tolist()
    turned = task.encode(labels, np.arange(0), OutputSpec("detection", ("dog", "cat")))
    assert turned.classes.tolist() == [1 - each for each in target.classes]
    with pytest.raises(DataError, match="dog"):
        task.encode(labels, np.arange(0), OutputSpec("detection", ("cat",)))
    empty = labels.keep(labels.items > 0)
    assert task.encode(empty, np.arange(60)).classes[0] == -1, "nothing is there"


def test_the_floors_are_a_box_of_each_class_and_see_training_images_only(task):
    dataset, _ = sound()
    labels, train, test = dataset.labels, np.arange(40), np.arange(40, 60)
    labels.sizes[50] = 600, 900
    found = task.baselines(labels, dataset.names, train, test)
    assert set(found) == {"median_box", "whole_image"}
    median = found["median_box"]
    own = labels.corners[labels.of(40)] * 0 + np.median(labels.corners[0:80:2], axis=0)
    assert np.allclose(median.corners[0], own[0])
    assert np.allclose(median.corners[20], median.corners[0] * [2, 3, 2, 3]), "a share of the image"
    assert found["whole_image"].corners[0].tolist() == [0, 0, 300, 300]
    changed = labels.corners.copy()
    changed[80:] += 50
    other = dataclasses.replace(labels, corners=changed)
    again = task.baselines(other, dataset.names, train, test)["median_box"]
    assert again.corners.tolist() == median.corners.tolist()
    perfect = right(labels.take(test), dataset.names[40:])
    best = task.measures(perfect, labels.take(test))["map"].value
    for each in found.values():
        assert best > task.measures(each, labels.take(test))["map"].value


def test_the_floor_of_a_real_set(task, real_data):
    """As faster-coco-eval measured it when the survey was made: AP 0.166, AP50 0.589."""
    root = real_data("raccoon")
    dataset = open_dataset(root, task="detection", annotations=root / "splits_csv")
    tested = dataset.tested()
    found = task.baselines(
        dataset.labels, dataset.names, np.flatnonzero(~tested), np.flatnonzero(tested)
    )
    values = task.measures(found["median_box"], dataset.labels.take(tested))
    assert values["map"].value == pytest.approx(0.1657557, abs=1e-6)
    assert values["map_50"].value == pytest.approx(0.5888550, abs=1e-6)


def test_real_boxes_without_area_are_found_by_name(real_data):
    dataset = open_dataset(real_data("bccd"), task="auto")
    assert len(dataset) == 364
    assert [int((dataset.splits == each).sum()) for each in ("train", "val", "test")] == [
        205, 87, 72,
    ]  # fmt: skip
    bad = dataset.labels.items[~dataset.labels.usable]
    assert [dataset.names[i][-9:-4] for i in bad] == ["00338", "00343"]


def test_an_answer_is_drawn_whatever_the_size_of_the_picture(task):
    dataset, _ = sound()
    found = right(dataset.labels, dataset.names)
    for side in (300, 150):
        before = np.full((side, side, 3), 128, np.uint8)
        after = task.draw(before, found, 7)
        assert after.shape == before.shape
        rows = np.nonzero((after != before).any(axis=2))[0]
        low = dataset.labels.corners[dataset.labels.of(7), 3].max() * side / 300
        assert abs(rows.max() - low) < 3
        assert (before == 128).all()


def test_checks_of_sound_labels_find_nothing_serious(task):
    dataset, stats = sound()
    found = list(task.check(dataset, stats, np.arange(60)))
    assert all(isinstance(each, Finding) for each in found)
    assert not [each for each in found if each.severity == "serious"]


def test_what_is_said_of_every_cell_is_settled_by_the_spec():
    boxes = np.array([[[0.0, 0, 40, 40], [2, 0, 40, 40], [100, 100, 120, 120], [-9, 0, -1, 5]]])
    scores = np.array([[[0.9, 0.0], [0.8, 0.0], [0.0, 0.4], [0.7, 0.0]]])
    spec = OutputSpec("detection", ("cat", "dog"), {"most": 7, "threshold": 0.35})
    kept = settle({"boxes": boxes, "scores": scores}, spec)
    assert kept["scores"].shape == (1, 7)
    assert settle(kept, spec) is kept
    places = Places(("a",), {}, sizes=np.array([[110, 110]]), matrices=np.eye(2, 3)[None])
    raw = decode({"boxes": boxes, "scores": scores}, spec, places)
    assert raw.text(0) == "cat 1, dog 1", "one beside the image, and one under a better one"
    assert raw.corners[raw.rows(0)].tolist() == [[0, 0, 40, 40], [100, 100, 110, 110]]
    again = decode(kept, spec, places)
    assert again.record(0) == raw.record(0)
    moved = dataclasses.replace(spec, settings=spec.settings | {"calibration": [1.0, -3.0]})
    assert decode({"boxes": boxes, "scores": scores}, moved, places).text(0) == "no object"
    strict = dataclasses.replace(spec, settings=spec.settings | {"overlap": 0.99, "floor": 0.75})
    assert decode({"boxes": boxes, "scores": scores}, strict, places).text(0) == "cat 2"
    assert usual_threshold(spec) == 0.35
    assert usual_threshold(OutputSpec("classification", ("a", "b"))) == 0.5
    assert usual_threshold(OutputSpec("segmentation", ("a", "b"))) == 0.0
    assert placed("detection")
    assert not placed("regression")
