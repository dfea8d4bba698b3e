"""Verification measures, against scikit-learn and against counting."""

import numpy as np
import pytest

from headstart.metrics.verification import (
    _Ranked,
    auc,
    eer,
    roc,
    safe_threshold,
    threshold_at_far,
    threshold_interval,
    verification_measures,
)
from headstart.records import Estimate


@pytest.fixture(params=[0, 1, 2])
def scores(request):
    """Genuine and impostor scores with many ties."""
    rng = np.random.default_rng(request.param)
    return rng.normal(1, 1, 80).round(1), rng.normal(0, 1, 300).round(1)


def test_the_curve_is_scikit_learns(scores):
    from sklearn.metrics import roc_auc_score, roc_curve

    genuine, impostor = scores
    truth = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    far, tar, thresholds = roc_curve(truth, np.r_[scores], drop_intermediate=False)
    ours = roc(genuine, impostor)
    assert np.allclose(ours.far, far)
    assert np.allclose(ours.tar, tar)
    assert np.array_equal(ours.thresholds, thresholds)
    assert auc(genuine, impostor) == pytest.approx(roc_auc_score(truth, np.r_[scores]))


def test_the_equal_error_rate_lies_between_the_thresholds_around_it(scores):
    genuine, impostor = scores
    value = eer(genuine, impostor)
    gaps = [
        (abs((impostor >= t).mean() - (genuine < t).mean()), (impostor >= t).mean(),
         (genuine < t).mean())
        for t in np.unique(np.r_[scores])
    ]  # fmt: skip
    _, far, frr = min(gaps)
    assert min(far, frr) - 1e-9 <= value <= max(far, frr) + 1e-9
    assert eer(np.array([2.0, 3]), np.array([0.0, 1])) == 0
    assert eer(np.array([0.0, 1]), np.array([2.0, 3])) == 1
    assert eer(np.zeros(3), np.zeros(5)) == 0.5


@pytest.mark.parametrize("far", [0.001, 0.01, 0.1, 0.29, 0.5])
def test_no_more_impostors_are_accepted_than_may_be(scores, far):
    _, impostor = scores
    limit = threshold_at_far(impostor, far)
    assert (impostor > limit).mean() <= far
    lower = impostor[impostor < limit].max()
    assert (impostor > lower).mean() > far, "the threshold is not higher than needed"


def test_the_rates_may_be_reached_exactly():
    impostor = np.arange(100.0)
    for allowed in range(1, 50):
        limit = threshold_at_far(impostor, allowed / 100)
        assert (impostor > limit).sum() == allowed
        table = verification_measures(
            impostor + 0.5, impostor, np.arange(100), np.arange(200).reshape(100, 2) % 100,
            fars=(allowed / 100,), replicates=5,
        )  # fmt: skip
        assert table[f"tar_at_far_{allowed / 100:g}"].value == pytest.approx((allowed + 1) / 100)


def test_a_weight_is_a_repetition(scores):
    genuine, impostor = scores
    rng = np.random.default_rng(0)
    times = rng.integers(0, 4, len(genuine)), rng.integers(0, 4, len(impostor))
    weighted = _Ranked(genuine, impostor).rates(*(each.astype(float) for each in times))
    repeated = _Ranked(np.repeat(genuine, times[0]), np.repeat(impostor, times[1])).rates()
    points = {(round(a, 9), round(b, 9)) for a, b in zip(*weighted)}
    assert points == {(round(a, 9), round(b, 9)) for a, b in zip(*repeated)}


def _pairs(people, photos, spread, rng):
    """Scores of all pairs of photos of people who differ in how well they are recognised."""
    owner = np.repeat(np.arange(people), photos)
    quality = rng.normal(0, spread, people)
    a, b = np.triu_indices(len(owner), 1)
    same = owner[a] == owner[b]
    score = rng.normal(0, 1, len(a)) + np.where(same, 1.5, 0) + quality[owner[a]]
    return score[same], score[~same], owner[a][same], np.stack((owner[a], owner[b]), 1)[~same]


def test_people_are_what_the_interval_rests_on():
    rng = np.random.default_rng(1)
    alike = verification_measures(*_pairs(20, 5, 0.0, rng), fars=(0.1,))
    unlike = verification_measures(*_pairs(20, 5, 1.5, rng), fars=(0.1,))
    assert set(alike) == {"auc", "eer", "tar_at_far_0.1"}
    for name, each in alike.items():
        assert each.low <= each.value <= each.high, name
        wide = unlike[name].high - unlike[name].low
        assert wide > 1.3 * (each.high - each.low), name
    assert verification_measures(
        *_pairs(6, 3, 0.5, np.random.default_rng(3)), seed=4
    ) == verification_measures(*_pairs(6, 3, 0.5, np.random.default_rng(3)), seed=4)


def test_the_interval_holds_the_truth():
    """Of 60 samples of 15 people, most intervals of TAR at FAR 0.1 hold the value of thousands."""
    rng = np.random.default_rng(2)
    big = [
        verification_measures(*_pairs(60, 4, 0.7, rng), fars=(0.1,), replicates=2)
        for _ in range(20)
    ]
    truth = np.mean([each["tar_at_far_0.1"].value for each in big])
    held = 0
    for _ in range(60):
        found = verification_measures(*_pairs(15, 4, 0.7, rng), fars=(0.1,), replicates=100)[
            "tar_at_far_0.1"
        ]
        held += found.low <= truth <= found.high
    assert held >= 53


def test_the_interval_of_a_threshold_comes_from_that_of_its_rate():
    scores = np.random.default_rng(0).permutation(np.arange(100) / 100)
    rate = Estimate(0.1, 0.055, 0.205, 100, "method")
    found = threshold_interval(scores, 0.89, rate)
    assert (found.value, found.n) == (0.89, 100)
    assert (scores > found.low).sum() == 21
    assert (scores >= found.high).sum() == 5
    unknown = threshold_interval(scores, 0.99, Estimate(0, 0, 0.03, 100, "method"))
    assert (unknown.low, unknown.high) == (0.96, 1.0)
    assert threshold_interval(scores, 0.5, Estimate(0.5, 0.2, 1, 100, "")).low == 0


def test_the_safe_threshold_is_kept_by_the_next():
    """Over many samples of 49, the next score is above with the chance that was asked for."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((20_000, 50))
    limits = np.array([safe_threshold(each[:49], 0.1) for each in samples])
    assert np.mean(samples[:, 49] > limits) == pytest.approx(0.1, abs=0.007)
    assert safe_threshold(samples[0], 0.001) == samples[0].max()


def test_what_cannot_be_measured():
    with pytest.raises(ValueError, match="at least one"):
        roc(np.array([]), np.array([1.0]))
    with pytest.raises(ValueError, match="finite"):
        auc(np.array([np.nan]), np.array([1.0]))
