"""What is left of every cell's boxes equals torchvision's class-wise NMS, also at the edges."""

from __future__ import annotations

import time

import numpy as np
import pytest

from headstart.records import OutputSpec
from headstart.tasks.detection import decode
from headstart.tasks.detection.select import MOST_BOXES, calibrated, select
from headstart.tasks.protocol import Places


def cells(seed: int, n: int = 2, cells: int = 400, classes: int = 5) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 320, (n, cells, 2))
    half = rng.uniform(4, 60, (n, cells, 2))
    boxes = np.concatenate((centres - half, centres + half), axis=2).astype(np.float32)
    scores = (rng.uniform(0, 1, (n, cells, classes)) ** 4).astype(np.float32)
    return boxes, scores


def by_torchvision(boxes: np.ndarray, scores: np.ndarray, floor: float, iou: float, most: int):
    torch = pytest.importorskip("torch")
    ops = pytest.importorskip("torchvision.ops")
    rows, kinds = np.nonzero(scores > floor)
    given = torch.tensor(boxes[rows]), torch.tensor(scores[rows, kinds]), torch.tensor(kinds)
    kept = ops.batched_nms(*given, iou)[:most].numpy()
    return boxes[rows[kept]], scores[rows[kept], kinds[kept]], kinds[kept]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("classes", "most"), [(1, 300), (5, 40), (5, 2000), (40, 100)])
def test_equals_torchvision(seed: int, classes: int, most: int):
    boxes, scores = cells(seed, classes=classes)
    scores = np.where(scores > 0.2, scores, 0)  # fewer than are looked at
    found = select(boxes, scores, floor=0.05, iou=0.5, most=most)
    for index in range(len(boxes)):
        corners, sure, kinds = by_torchvision(boxes[index], scores[index], 0.05, 0.5, most)
        count = int((found["scores"][index] > 0).sum())
        assert count == len(sure) > 30
        np.testing.assert_array_equal(found["boxes"][index, :count], corners)
        np.testing.assert_array_equal(found["scores"][index, :count], sure)
        np.testing.assert_array_equal(found["labels"][index, :count], kinds)


def test_nothing_above_the_floor_is_no_object():
    boxes, scores = cells(0)
    found = select(boxes, np.minimum(scores, 0.02))
    assert found["boxes"].shape == (2, MOST_BOXES, 4)
    assert not found["scores"].any()
    none = select(np.zeros((0, 7, 4)), np.zeros((0, 7, 3)))
    assert none["labels"].shape == (0, MOST_BOXES)
    answer = decode(found, OutputSpec("detection", tuple("abcde")), Places(("x", "y"), {}))
    assert len(answer.scores) == 0
    assert answer.answered.all()


def test_two_classes_do_not_suppress_each_other_and_a_floor_changes_nothing_above_it():
    boxes = np.array([[[0.0, 0, 10, 10], [0, 0, 10, 9.5], [50, 50, 60, 60]]])
    scores = np.array([[[0.9, 0.0], [0.8, 0.7], [0.3, 0.0]]])
    found = select(boxes, scores)
    assert found["scores"][0, :4].tolist() == pytest.approx([0.9, 0.7, 0.3, 0])
    assert found["labels"][0, :3].tolist() == [0, 1, 0]
    high = select(boxes, scores, floor=0.5)
    np.testing.assert_array_equal(high["boxes"][0, :2], found["boxes"][0, :2])


def test_an_image_whose_numbers_are_none_has_no_answer_and_its_neighbours_have():
    boxes, scores = cells(1)
    scores[0, 3, 1] = np.nan
    found = select(boxes, scores)
    assert np.isnan(found["scores"][0]).all()
    assert (found["scores"][1] > 0).any()
    scores[0, 3, 1] = 0.001
    boxes[0, 3] = np.inf  # of a cell that is no candidate unless its scores are
    scores[0, 3] = 0.0
    assert np.isfinite(select(boxes, scores)["scores"]).all()
    scores[0, 3] = 0.5
    assert np.isnan(select(boxes, scores)["scores"][0]).all()


def test_boxes_without_area_suppress_nothing():
    boxes = np.array([[[5.0, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]]])
    found = select(boxes, np.array([[[0.9], [0.8], [0.7]]]))
    assert (found["scores"] > 0).sum() == 3


def test_a_calibration_moves_scores_and_neither_order_nor_boxes():
    boxes, scores = cells(2)
    plain = select(boxes, scores)
    moved = select(boxes, scores, calibration=(0.5, -1.0))
    for name in ("boxes", "labels"):
        np.testing.assert_array_equal(plain[name], moved[name])
    kept = plain["scores"][0] > 0
    expected = 1 / (1 + np.exp(1 - 0.5 * np.log(plain["scores"] / (1 - plain["scores"]))))
    np.testing.assert_allclose(moved["scores"][0, kept], expected[0, kept], rtol=1e-5)
    assert not moved["scores"][0, ~kept].any()
    assert calibrated(np.array([0.0, 1.0]), (3.0, 0.0)).tolist() == pytest.approx([0, 1], abs=1e-5)
    assert (calibrated(np.array([0.0]), (9.0, 0.0)) > 0).all()
    with pytest.raises(ValueError, match="above 0"):
        select(boxes, scores, calibration=(-1.0, 0.0))


def test_arrays_that_are_not_of_the_same_cells_are_refused():
    with pytest.raises(ValueError, match="same cells"):
        select(np.zeros((1, 5, 4)), np.zeros((1, 6, 2)))
    with pytest.raises(ValueError, match="same cells"):
        select(np.zeros((1, 5, 4)), np.zeros((1, 5)))


def test_forty_classes_and_thousands_of_cells_take_milliseconds():
    boxes, scores = cells(3, n=1, cells=4000, classes=40)
    scores **= 8  # as a trained network's: a few percent are above the floor
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        select(boxes, scores)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0
