import numpy as np
import pytest

from headstart.metrics.confound import (
    dependence,
    holm,
    mean_of_shares,
    share_of_cell,
    tied_pairs,
    within_auc,
)
from headstart.metrics.interval import wilson


def drawn(opposing, lean, seed=0, per_class=100):
    """Targets, values and log-odds of two classes, whose score follows the value by `lean`."""
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], per_class)
    values = targets.copy()
    values[:opposing], values[per_class : per_class + opposing] = 1, 0
    score = rng.normal(size=2 * per_class) + 2 * targets + lean * values
    return targets, values, np.stack([-score, score], axis=1)


def asked(targets, values, scores, clusters=None, models=None):
    n = len(targets)
    clusters = np.arange(n) if clusters is None else clusters
    models = np.zeros(n, int) if models is None else models
    pairs = tied_pairs(targets, values, clusters)
    return pairs, dependence(scores, targets, values, pairs, models=models, clusters=clusters)


def test_a_pair_says_what_goes_together():
    targets, values, _ = drawn(5, 0)
    (pair,) = tied_pairs(targets, values, np.arange(200))
    assert (pair.kind, pair.value) == (1, 1)
    assert pair.counts == ((95, 5), (5, 95))
    assert pair.opposing == (5, 5)
    assert pair.told == pytest.approx(0.95)
    assert 0.9 < pair.told_low < 0.95


def test_three_classes_are_asked_one_against_the_rest_the_most_tied_first():
    targets = np.repeat([0, 1, 2], 40)
    values = np.where(targets == 2, 1, 0)
    values[:20] = 1
    pairs = tied_pairs(targets, values, np.arange(120))
    # Class 0 has both values about as often as all: it says least.
    assert [(each.kind, each.value) for each in pairs[:2]] == [(1, 0), (2, 1)]


def test_a_score_that_follows_the_attribute_is_found_and_one_that_does_not_is_not():
    _, found = asked(*drawn(8, 1.5))
    assert found.p_value < 0.01
    assert found.aucs[found.worst] > 0.75
    alarms = [asked(*drawn(8, 0.0, seed))[1].p_value < 0.05 for seed in range(20)]
    assert sum(alarms) <= 3


def test_a_score_that_goes_against_what_was_taught_is_no_leaning():
    _, found = asked(*drawn(8, -1.5))
    assert found.p_value > 0.5
    assert found.aucs[found.worst] < 0.3


def test_scores_of_two_models_are_not_compared():
    targets, values, scores = drawn(20, 0.0)
    alternate = np.arange(200) % 4 == 0
    models = ((values == targets) | alternate).astype(int)  # one gave most of what agrees
    margin = 5 * models * (2 * values - 1)
    shifted = scores + np.stack([-margin, margin], axis=1)
    assert asked(targets, values, shifted)[1].p_value < 0.01
    models = models * 2 + values  # nothing within a model tells the value
    assert asked(targets, values, shifted, models=models)[1].p_value == 1.0
    flat = scores + 5 * np.stack([~alternate, alternate], axis=1)
    assert asked(targets, values, flat, models=alternate.astype(int))[1].p_value > 0.05


def test_a_person_with_many_photos_is_one_piece_of_evidence():
    people = np.repeat(np.arange(20), 10)
    targets = (people >= 10).astype(int)
    values = np.isin(people, [0, 1, *range(12, 20)]).astype(int)
    alarms = np.zeros(2, int)
    for seed in range(25):
        rng = np.random.default_rng(seed)
        # One is as one is on all photos, and among few people chance gives a gap.
        score = rng.normal(size=20)[people] + 0.1 * rng.normal(size=200)
        scores = np.stack([-score, score], axis=1)
        for at, clusters in enumerate((None, people)):
            alarms[at] += asked(targets, values, scores, clusters)[1].p_value < 0.05
    assert alarms[0] >= 6
    assert alarms[1] <= 3


def test_where_images_of_a_set_differ_they_are_compared_within_it():
    rng = np.random.default_rng(2)
    sets = np.repeat(np.arange(40), 4)
    targets = (sets >= 20).astype(int)
    values = np.where(targets == 1, np.arange(160) % 4 > 0, np.arange(160) % 4 == 0).astype(int)
    score = 5 * rng.normal(size=40)[sets] + 0.5 * values + 0.3 * rng.normal(size=160)
    scores = np.stack([-score, score], axis=1)
    assert asked(targets, values, scores)[1].p_value > 0.05, "sets differ far more than that"
    assert asked(targets, values, scores, clusters=sets)[1].p_value < 0.01


def test_within_auc_counts_true_classes_alike():
    targets = np.array([0, 0, 1, 1, 1, 1])
    has = np.array([True, False, True, True, False, False])
    scores = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    assert within_auc(scores, targets, has, np.zeros(6, int)) == pytest.approx(0.5)
    assert np.isnan(within_auc(scores, targets, np.ones(6, bool), np.zeros(6, int)))


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_few_images_give_wide_intervals_and_differences_add_them():
    few = share_of_cell(np.array([1, 0, 1]), np.arange(3))
    assert few.high - few.low > 0.6
    many = share_of_cell(np.ones(200), np.arange(200))
    assert many.low > 0.97
    together = share_of_cell(np.ones(200), np.repeat(np.arange(4), 50))
    assert together.low < 0.7
    gap = mean_of_shares([many, many], [few, few])
    assert gap.value == pytest.approx(1 / 3)
    assert gap.low < 0.2 < 0.5 < gap.high
    assert mean_of_shares([wilson(9, 10)]).low == pytest.approx(wilson(9, 10).low)
    assert mean_of_shares([many], [many]).low >= -1
