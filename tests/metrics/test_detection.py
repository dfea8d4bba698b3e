"""Average precision and recall are COCO's, to the last digit, under any weights of images."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections import OrderedDict

import numpy as np
import pytest

from headstart.metrics import detection
from headstart.metrics.detection import (
    average_precision,
    average_recall,
    class_precisions,
    precision_curves,
)
from headstart.metrics.matching import FlatBoxes, match_boxes
from headstart.metrics.statistic import estimate

from .boxed import as_coco, boxes_of, random_case

CASES = {
    0: {}, 1: {"classes": 1, "crowd": 0.0}, 2: {"classes": 7, "items": 60, "crowd": 0.3},
    3: {"truths": 90, "items": 4, "classes": 1},
}  # fmt: skip

# What pycocotools 2.0.11 says of them: AP, AP50, AP75, AP of small, medium and large objects, AR
# at 1, 10 and 100 detections, AR of small, medium and large objects.
EXPECTED = {
    0: (0.164302552187, 0.272125602336, 0.183095556427, 0.1, 0.165183798253, 0.266308127654,
        0.183824049238, 0.413788908989, 0.413788908989, 0.1, 0.332301587302, 0.563496732026),
    1: (0.165889444515, 0.28119752827, 0.169074761556, 0.002404526167, 0.110377849489,
        0.295445730118, 0.086861313869, 0.386861313869, 0.406569343066, 0.016666666667,
        0.30303030303, 0.547692307692),
    2: (0.145176668462, 0.246446767232, 0.162696001004, 0.132138613861, 0.133682084243,
        0.191402629466, 0.251791271693, 0.3653057611, 0.3653057611, 0.155, 0.315452484024,
        0.430539222682),
    3: (0.173709067088, 0.319439801168, 0.184219828758, 0.042241224122, 0.1293483262,
        0.289818699149, 0.001734104046, 0.08323699422, 0.364161849711, 0.075, 0.298901098901,
        0.475675675676),
}  # fmt: skip


def summary(matches) -> np.ndarray:
    """The twelve numbers that COCO prints."""
    sizes = ("small", "medium", "large")
    found = [
        average_precision(matches), average_precision(matches, iou=0.5),
        average_precision(matches, iou=0.75),
        *(average_precision(matches, size=size) for size in sizes),
        *(average_recall(matches, most=most) for most in (1, 10, 100)),
        *(average_recall(matches, size=size) for size in sizes),
    ]  # fmt: skip
    return np.array([each.value for each in found])


def case(number: int):
    more = CASES[number]
    found, truth = random_case(number, **more)
    classes = more.get("classes", 3)
    return found, truth, classes


@pytest.mark.parametrize("number", CASES)
def test_it_is_what_pycocotools_said(number):
    found, truth, classes = case(number)
    values = summary(match_boxes(found, truth, classes))
    assert np.abs(values - EXPECTED[number]).max() < 1e-11


def evaluated(tools: str, found, truth, classes):
    gt, results = as_coco(found, truth, classes)
    with contextlib.redirect_stdout(io.StringIO()):
        if tools == "pycocotools":
            from pycocotools.coco import COCO
            from pycocotools.cocoeval import COCOeval as Evaluation

            known = COCO()
            known.dataset = gt
            known.createIndex()
        else:
            from faster_coco_eval import COCO
            from faster_coco_eval import COCOeval_faster as Evaluation

            known = COCO(gt)
        done = Evaluation(known, known.loadRes(results), "bbox")
        done.evaluate()
        done.accumulate()
        done.summarize()
    return done


@pytest.mark.parametrize("tools", ["pycocotools", "faster_coco_eval"])
def test_it_is_what_the_reference_says(tools):
    pytest.importorskip(tools, reason=f"{tools} is not installed")
    for seed in range(12):
        classes = (1, 3, 7)[seed % 3]
        found, truth = random_case(
            100 + seed, items=(4, 30, 60)[seed % 3], classes=classes,
            truths=(3, 8, 70)[seed // 3 % 3], crowd=(0, 0.1, 0.4)[seed % 3],
        )  # fmt: skip
        matches = match_boxes(found, truth, classes)
        done = evaluated(tools, found, truth, classes)
        values = summary(matches)
        assert np.abs(np.nan_to_num(values, nan=-1) - done.stats[:12]).max() < 1e-12
        per_class = class_precisions(matches)(np.ones((1, matches.n)))[0]
        table = done.eval["precision"][:, :, :, 0, 2]
        there = table[0, 0] > -1
        assert np.abs(per_class[there] - table.mean(axis=(0, 1))[there]).max(initial=0) < 1e-12
        assert np.isnan(per_class[~there]).all()


def repeated(boxes: FlatBoxes, counts: np.ndarray) -> FlatBoxes:
    """The same images, each so many times."""
    rows, sizes = [], []
    for item in np.repeat(np.arange(len(counts)), counts):
        own = np.arange(boxes.offsets[item], boxes.offsets[item + 1])
        rows.append(own)
        sizes.append(len(own))
    at = np.concatenate([np.zeros(0, int), *rows])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    scores = boxes.scores[at] if len(boxes.scores) else boxes.scores
    crowd = boxes.crowd[at] if len(boxes.crowd) else boxes.crowd
    return FlatBoxes(offsets, boxes.corners[at], boxes.classes[at], scores, crowd)


def test_weights_are_images_that_are_there_so_many_times():
    found, truth, classes = case(0)
    scores = np.random.default_rng(5).permutation(len(found.classes)) / len(found.classes)
    found = FlatBoxes(found.offsets, found.corners, found.classes, scores)
    matches = match_boxes(found, truth, classes)
    counts = np.random.default_rng(1).integers(0, 4, len(truth))
    again = match_boxes(repeated(found, counts), repeated(truth, counts), classes)
    for statistic, whole in (
        (average_precision(matches), average_precision(again)),
        (average_precision(matches, iou=0.75, size="medium"),
         average_precision(again, iou=0.75, size="medium")),
        (average_recall(matches, most=10), average_recall(again, most=10)),
    ):  # fmt: skip
        assert abs(statistic(counts[None].astype(float))[0] - whole.value) < 1e-12


def test_a_thousand_resamples_take_about_a_second():
    found, truth = random_case(7, items=200, truths=20)
    matches = match_boxes(found, truth, 3)
    assert len(truth.classes) > 1800
    start = time.process_time()
    one = estimate(average_precision(matches))
    assert time.process_time() - start < 4, "0.5 s on an idle machine"
    assert one.low < one.value < one.high


def test_what_is_known_under_the_same_weights_is_not_computed_again(monkeypatch):
    found, truth = random_case(11, items=30, truths=5)
    matches = match_boxes(found, truth, 3)
    weights = np.random.default_rng(2).integers(0, 3, (50, 30)).astype(float)
    asked = []
    computed = detection._at_levels

    def counted(ranked, weights, levels):
        asked.append(list(levels))
        return computed(ranked, weights, levels)

    monkeypatch.setattr(detection, "_at_levels", counted)
    whole = average_precision(matches)(weights)
    assert asked == [list(range(10))] * 3
    again = match_boxes(found, truth, 3)  # other arrays, the same matches
    each = class_precisions(again)(weights)
    half = average_precision(again, iou=0.5)(weights)
    assert len(asked) == 3, "no average precision is computed twice"
    np.testing.assert_allclose(np.nanmean(each, axis=1), whole)
    other = average_precision(matches, iou=0.5)(weights[::-1].copy())
    assert asked[3:] == [[0]] * 3, "other weights are other values, at the one level asked for"
    np.testing.assert_array_equal(other, half[::-1])


def test_parts_that_threads_work_on_are_the_whole(monkeypatch):
    matches = match_boxes(*random_case(13, items=20, truths=5), 3)
    weights = np.random.default_rng(3).integers(0, 3, (64, 20)).astype(float)
    whole = class_precisions(matches)(weights)
    monkeypatch.setattr(detection, "_CELLS", 1 << 10)
    monkeypatch.setattr(detection, "_known", OrderedDict())
    threads, computed = set(), detection._areas_under

    def heard(*parts):
        threads.add(threading.current_thread().name)
        return computed(*parts)

    monkeypatch.setattr(detection, "_areas_under", heard)
    np.testing.assert_array_equal(class_precisions(matches)(weights), whole)
    assert threading.current_thread().name not in threads


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(detection, "_KEPT", 4)
    matches = match_boxes(*random_case(12, items=6, truths=2), 3)
    for seed in range(3):
        weights = np.random.default_rng(seed).integers(0, 3, (2, 6)).astype(float)
        assert average_precision(matches)(weights).shape == (2,)
    assert len(detection._known) <= 4


def test_perfect_absent_and_empty():
    truth = boxes_of([[(0, 0, 0, 50, 50), (1, 60, 0, 90, 50)], []])
    perfect = boxes_of([[(0, 0, 0, 50, 50, 0.9), (1, 60, 0, 90, 50, 0.8)], []], scores=True)
    nothing = boxes_of([[], []], scores=True)
    assert average_precision(match_boxes(perfect, truth, 3)).value == pytest.approx(1.0)
    assert average_precision(match_boxes(nothing, truth, 3)).value == 0.0
    assert average_recall(match_boxes(perfect, truth, 3), most=1).value == 1.0
    empty = match_boxes(perfect, boxes_of([[], []]), 3)
    assert np.isnan(average_precision(empty).value)
    assert np.isnan(average_recall(empty).value)
    assert np.isnan(class_precisions(match_boxes(perfect, truth, 3))(np.ones((1, 2)))[0, 2])


def test_curves_fall_with_the_score():
    found, truth, classes = case(1)
    (curve,) = precision_curves(match_boxes(found, truth, classes))
    assert (np.diff(curve["recall"]) >= 0).all()
    assert (np.diff(curve["score"]) <= 0).all()
    assert 0 < curve["precision"][-1] < 1
