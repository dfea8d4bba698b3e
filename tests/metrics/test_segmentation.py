from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, jaccard_score

from headstart.metrics.segmentation import (
    PIXEL_BINS,
    boundary_f1,
    dice,
    image_ious,
    mean_iou,
    measure_areas,
    measure_pixel_classes,
    pixel_accuracy,
    pixel_calibration,
    pixel_counts,
)
from headstart.metrics.statistic import estimate, restrict


@pytest.fixture
def pixels():
    """Truth and answers of 12 images of 300 pixels, classes 0 to 3; 3 only on the last."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (12, 300))
    truth[11, :40] = 3
    answer = np.where(rng.random(truth.shape) < 0.7, truth, rng.integers(0, 3, truth.shape))
    return truth, answer


def confusions(truth, answer, classes=4):
    return np.stack(
        [confusion_matrix(t, a, labels=range(classes)) for t, a in zip(truth, answer, strict=True)]
    )


def test_values_are_those_of_scikit_learn(pixels):
    truth, answer = pixels
    counts = pixel_counts(confusions(truth, answer))
    flat = truth.ravel(), answer.ravel()
    assert mean_iou(counts).value == pytest.approx(jaccard_score(*flat, average="macro"))
    assert dice(counts).value == pytest.approx(f1_score(*flat, average="macro"))
    assert pixel_accuracy(counts).value == pytest.approx((truth == answer).mean())
    rows = measure_pixel_classes(counts)
    wanted = jaccard_score(*flat, average=None)
    assert [each.iou.value for each in rows] == pytest.approx(wanted)
    assert [each.n for each in rows] == [12, 12, 12, 1]
    alone = [jaccard_score(t, a, average="macro") for t, a in zip(truth, answer, strict=True)]
    assert image_ious(counts) == pytest.approx(alone)


def test_weights_count_images(pixels):
    truth, answer = pixels
    counts = pixel_counts(confusions(truth, answer))
    weights = np.array([2.0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    rows = [0, 0, 2, 3]
    flat = truth[rows].ravel(), answer[rows].ravel()
    for statistic, wanted in (
        (mean_iou(counts), jaccard_score(*flat, average="macro")),
        (dice(counts), f1_score(*flat, average="macro")),
    ):
        assert statistic(weights[None])[0] == pytest.approx(wanted), "absent classes are left out"
    half = restrict(mean_iou(counts), np.arange(12) < 6)
    flat = truth[:6].ravel(), answer[:6].ravel()
    assert half.value == pytest.approx(jaccard_score(*flat, average="macro"))


def test_a_thousand_resamples_take_well_under_a_second():
    rng = np.random.default_rng(0)
    counts = pixel_counts(rng.integers(0, 100_000, (300, 6, 6)))
    estimate(mean_iou(counts))
    start = time.process_time()
    for statistic in (mean_iou(counts), dice(counts), pixel_accuracy(counts)):
        estimate(statistic)
    assert time.process_time() - start < 1.0


def test_boundaries_are_matched_both_ways():
    one = np.array([[[10, 8, 20, 10], [0, 0, 0, 0]], [[0, 0, 5, 0], [0, 0, 0, 0]]])
    statistic = boundary_f1(one)
    assert statistic(np.array([[1.0, 0]]))[0] == pytest.approx(2 * 0.8 * 0.5 / 1.3)
    assert statistic(np.array([[0.0, 1]]))[0] == 0.0, "a boundary that nobody drew"
    assert np.isnan(boundary_f1(np.zeros((1, 2, 4))).value)
    far = np.array([[[10, 0, 10, 0]]])
    assert boundary_f1(far).value == 0.0


def bins_of(confidences, right):
    found = np.zeros((len(confidences), PIXEL_BINS, 3))
    for i, (sure, hit) in enumerate(zip(confidences, right, strict=True)):
        place = np.clip(np.ceil(sure * PIXEL_BINS).astype(int) - 1, 0, PIXEL_BINS - 1)
        for column, weights in enumerate((None, sure, hit)):
            found[i, :, column] = np.bincount(place, weights, minlength=PIXEL_BINS)
    return found


def test_calibrated_pixels_have_no_error_and_others_theirs():
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1.0, (40, 4000))
    calibrated = bins_of(sure, rng.random(sure.shape) < sure)
    assert pixel_calibration(calibrated).value < 0.01
    boasting = bins_of(sure, rng.random(sure.shape) < sure - 0.2)
    assert pixel_calibration(boasting).value == pytest.approx(0.2, abs=0.02)


def test_images_that_err_as_one_are_not_taken_for_miscalibrated():
    """Whole images are right or wrong: pixels by the thousand are evidence of a few images."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(50):
        sure = np.full((20, 500), 0.8)
        right = np.repeat(rng.random(20) < 0.8, 500).reshape(20, 500)
        found.append(pixel_calibration(bins_of(sure, right)).value)
    plain = np.sqrt(0.8 * 0.2 / 20)  # what the plain error would show
    assert np.median(found) < plain / 2


def test_areas_have_a_bias_and_an_error():
    truth = np.array([[0.5, 0.5], [0.2, 0.8], [0.4, 0.6]])
    predicted = truth + np.array([[0.1, -0.1]])
    areas = measure_areas(predicted, truth)
    assert [each.bias.value for each in areas] == pytest.approx([0.1, -0.1])
    assert [each.error.value for each in areas] == pytest.approx([0.1, 0.1])


def one_world(rng, images):
    """Confusions of images of which each is hard or easy for all of its pixels together."""
    share = rng.beta(2, 5, images)
    size = 2000
    true = (share * size).astype(int)
    recall, false = rng.beta(12, 3, images), rng.beta(2, 30, images)
    hits = (recall * true).astype(int)
    wrong = (false * (size - true)).astype(int)
    found = np.zeros((images, 2, 2))
    found[:, 1, 1], found[:, 1, 0] = hits, true - hits
    found[:, 0, 1], found[:, 0, 0] = wrong, size - true - wrong
    return pixel_counts(found)


@pytest.mark.parametrize(("images", "least"), [(12, 0.90), (60, 0.92)])
def test_intervals_cover_the_truth(images, least):
    truth = mean_iou(one_world(np.random.default_rng(99), 100_000)).value
    covered = 0
    for seed in range(200):
        counts = one_world(np.random.default_rng(seed), images)
        found = estimate(mean_iou(counts), seed=seed)
        covered += found.low <= truth <= found.high
    assert least <= covered / 200 <= 0.985


def test_groups_make_intervals_wider():
    one = one_world(np.random.default_rng(5), 10)
    counts, groups = np.repeat(one, 6, axis=0), np.repeat(np.arange(10), 6)
    alone, together = (estimate(mean_iou(counts), each) for each in (None, groups))
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
