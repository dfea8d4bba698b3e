import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.labels import Classes, Numbers
from headstart.metrics.interval import paired_difference
from headstart.metrics.statistic import Measure, Statistic
from headstart.predictions import ClassProbabilities, Intervals
from headstart.records import Estimate, to_json
from headstart.scoring.compare import compare_statistics, items_needed, paired_test
from headstart.scoring.score import measured
from headstart.tasks import task_of


def sides(only_a, only_b, both=0, neither=0):
    """Two (N,) bool arrays: what A and what B classified correctly."""
    a = np.repeat([True, False, True, False], [only_a, only_b, both, neither])
    b = np.repeat([False, True, True, False], [only_a, only_b, both, neither])
    return a, b


def answers(only_a, only_b, both=0, neither=0, classes=3, seed=0):
    """(targets, probabilities) of two classifiers that are right as asked."""
    rng = np.random.default_rng(seed)
    right = sides(only_a, only_b, both, neither)
    targets = rng.integers(0, classes, len(right[0]))
    labels = [np.where(each, targets, (targets + 1) % classes) for each in right]
    return targets, tuple(0.1 / classes + 0.9 * np.eye(classes)[each] for each in labels)


def compared(targets, chances, **options):
    """What is found of two classifiers by all measures of classification."""
    known = tuple("abc"[: chances[0].shape[1]])
    first, second = (
        measured(
            "classification",
            ClassProbabilities(tuple(map(str, range(len(each)))), known, each),
            Classes(known, targets[: len(each)]),
        ).statistics
        for each in chances
    )
    primary = task_of("classification").PRIMARY
    return compare_statistics(first, second, primary, **options)


def test_mcnemar_by_hand():
    # 2 of 10 differing answers favour A: twice the chance of at most 2 heads in 10 tosses.
    by_hand = 2 * (1 + 10 + 45) / 2**10
    assert paired_test(*sides(2, 8, 50, 5)) == pytest.approx(by_hand)
    assert paired_test(*sides(8, 2)) == pytest.approx(by_hand)
    assert paired_test(*sides(0, 6, 90)) == pytest.approx(2 / 2**6)
    assert paired_test(*sides(4, 4, 9)) == 1
    assert paired_test(*sides(0, 0, 9, 3)) == 1


@settings(deadline=None)
@given(st.integers(0, 80), st.integers(0, 80), st.integers(1, 50))
def test_mcnemar_agrees_with_scipy_and_tossing_single_items_is_the_same(only_a, only_b, both):
    from scipy.stats import binomtest

    a, b = sides(only_a, only_b, both)
    p = paired_test(a, b)
    if only_a + only_b:
        assert p == pytest.approx(binomtest(only_a, only_a + only_b).pvalue)
    # A cluster of two equal items that agree changes nothing, but takes the other way.
    a, b = np.append(a, a[-1:]), np.append(b, b[-1:])
    clusters = np.append(np.arange(len(a) - 1), len(a) - 2)
    assert paired_test(a, b, clusters) == pytest.approx(p)


def test_tossing_clusters_agrees_with_trying_every_toss():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(9), [1, 1, 2, 2, 3, 3, 4, 4, 5])
    a, b = rng.random(25) < 0.5, rng.random(25) < 0.8
    sums = np.bincount(clusters, b.astype(int) - a.astype(int))
    signs = 1 - 2 * ((np.arange(2**9)[:, None] >> np.arange(9)) & 1)
    by_hand = (np.abs(signs @ sums) >= abs(sums.sum())).mean()
    assert paired_test(a, b, clusters) == pytest.approx(by_hand)


def test_copies_of_an_item_prove_nothing():
    a, b = sides(2, 8, 40)
    clusters = np.repeat(np.arange(50), 10)
    assert paired_test(np.repeat(a, 10), np.repeat(b, 10), clusters) == pytest.approx(
        paired_test(a, b)
    )


def test_the_test_holds_its_level():
    """Two equal classifiers are told apart in no more than one case of twenty."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        a, b = rng.random(200) < 0.85, rng.random(200) < 0.85
        found += paired_test(a, b) < 0.05
    assert found <= 24


def test_a_difference_that_is_there_is_shown():
    result = compared(*answers(5, 30, 150, 15), names=("old", "new"))
    assert result.better == "B"
    assert result.needed is None
    assert result.answers == {"both": 150, "only_a": 5, "only_b": 30, "neither": 15}
    a, b = result.values
    assert (a.value, b.value) == (0.775, 0.9)
    difference = result.differences["accuracy"]
    assert difference == paired_difference(*reversed(sides(5, 30, 150, 15)))
    assert difference.value == pytest.approx(b.value - a.value)
    assert result.differences["log_loss"].high < 0, "less loss is better"
    assert result.differences["balanced_accuracy"].low > 0
    assert result.summary.startswith(
        "B is better than A: its accuracy is higher by 12.5 percentage points ("
    )
    assert "p < 0.0001" in result.summary
    assert repr(result).startswith("Comparison(A='old', B='new': B is better")
    assert "new" in result._repr_html_()
    assert json.loads(to_json(result))["answers"]["only_b"] == 30


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 40), st.integers(0, 40), st.integers(2, 60), st.integers(0, 20), st.booleans()
)
def test_swapping_the_runs_turns_everything_round(only_a, only_b, both, neither, grouped):
    targets, chances = answers(only_a, only_b, both, neither)
    clusters = np.arange(len(targets)) // 2 if grouped and len(targets) > 3 else None
    there = compared(targets, chances, clusters=clusters)
    back = compared(targets, chances[::-1], clusters=clusters)
    for name, each in there.differences.items():
        other = back.differences[name]
        assert (other.value, other.low, other.high) == pytest.approx(
            (-each.value, -each.high, -each.low)
        ), name
        assert other.method == each.method
    assert back.p_value == pytest.approx(there.p_value)
    assert back.values == there.values[::-1]
    assert {there.better, back.better} in ({None}, {"A", "B"})
    if only_a != only_b:
        assert back.summary == there.summary.translate(str.maketrans("AB", "BA"))


def test_the_same_answers_show_no_difference():
    targets, chances = answers(0, 0, 90, 10)
    result = compared(targets, chances)
    assert (result.better, result.needed, result.p_value) == (None, None, 1.0)
    assert result.summary.startswith(
        "No difference can be shown: the accuracy of both is the same here"
    )
    for name in ("accuracy", "balanced_accuracy"):
        each = result.differences[name]
        assert each.value == 0
        assert each.low < 0 < each.high, "no mistake seen is not no mistake possible"
    assert result.differences["log_loss"].value == 0


def test_a_rare_class_makes_the_balanced_difference_less_certain():
    targets = np.repeat([0, 1], [95, 5])
    result = compared(targets, (np.eye(2)[targets],) * 2)
    plain, balanced = (result.differences[name] for name in ("accuracy", "balanced_accuracy"))
    assert balanced.high - balanced.low > 2 * (plain.high - plain.low)
    assert balanced.n == 100
    pairs = np.arange(100) // 2
    paired = compared(targets, (np.eye(2)[targets],) * 2, clusters=pairs)
    grouped = paired.differences["balanced_accuracy"]
    assert grouped.high - grouped.low > 1.5 * (balanced.high - balanced.low)


def test_clusters_make_it_less_certain():
    targets, chances = answers(6, 16, 70, 8, seed=1)
    order = np.random.default_rng(0).permutation(100)
    some = [targets[order], tuple(each[order] for each in chances)]
    many = [np.repeat(targets, 10), tuple(np.repeat(each, 10, axis=0) for each in chances)]
    clusters = np.repeat(np.arange(100), 10)
    naive, honest = compared(*many), compared(*many, clusters=clusters)
    once = compared(*some)
    assert naive.better == "B"
    assert honest.better is None
    assert once.better is None
    assert honest.p_value == pytest.approx(once.p_value)
    assert honest.test == "randomisation of 100 clusters, exact"
    for name in honest.differences:
        wide, narrow = honest.differences[name], naive.differences[name]
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low), name
    assert honest.values[0].high > naive.values[0].high


def test_the_number_needed_is_that_of_the_textbook():
    # Connor (1987): (z * sqrt(share that differs) + z' * sqrt(share - d^2))^2 / d^2.
    a, b = sides(50, 60, 850, 40)
    share, d = 0.11, 0.01
    connor = (1.959964 * math.sqrt(share) + 0.841621 * math.sqrt(share - d * d)) ** 2 / d**2
    needed = items_needed(paired_difference(b, a))
    assert needed == pytest.approx(connor, rel=0.1)
    assert needed % 100 == 0
    result = compared(*answers(50, 60, 850, 40))
    assert result.needed == needed
    assert f"about {needed:,} test images would be needed" in result.summary


def test_the_number_needed_really_shows_it():
    rng = np.random.default_rng(0)
    a, b = sides(4, 12, 80, 4)
    needed = items_needed(paired_difference(b, a))
    shown = 0
    for _ in range(200):
        kinds = rng.choice(4, needed, p=[0.04, 0.12, 0.8, 0.04])
        shown += paired_test(np.isin(kinds, [0, 2]), np.isin(kinds, [1, 2])) < 0.05
    assert 0.7 <= shown / 200 <= 0.92


def test_the_number_needed_of_next_to_nothing():
    assert items_needed(Estimate(0.0, -0.1, 0.1, 40, "")) is None
    a, b = sides(0, 1, 1)
    assert items_needed(paired_difference(b, a)) >= 12, "six differing answers at the very least"


def test_what_cannot_be_compared_is_refused():
    targets, chances = answers(2, 2, 6)
    with pytest.raises(ValueError, match="same items twice, got 3 and 10"):
        compared(targets, (chances[0], chances[1][:3]))
    with pytest.raises(ValueError, match="independent"):
        compared(targets, chances, clusters=np.zeros(10))


def test_of_few_images_the_test_and_the_interval_say_the_same():
    def mean(values):
        return Statistic(lambda w: (w @ np.array(values)) / w.sum(axis=1), len(values))

    measure = Measure("mean_iou", "mean IoU")
    apart = compare_statistics(
        {"mean_iou": mean([0.9, 0.8, 0.8, 0.6, 0.9, 0.8])},
        {"mean_iou": mean([0.7, 0.6, 0.65, 0.4, 0.75, 0.65])},
        names=("a", "b"), primary=measure,
    )  # fmt: skip
    change = apart.differences["mean_iou"]
    assert change.low < 0 < change.high
    assert apart.p_value > 0.05, "resampling six that all fell would say 0.001"
    assert apart.test == "Student's t, pooled as for few"


def test_errors_of_numbers_are_compared_and_less_is_better():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, 120)
    labels, names = Numbers("age", truth), tuple(map(str, range(120)))

    def off_by(spread):
        guess = truth + rng.normal(0, spread, 120)
        given = Intervals(names, guess, guess - 10, guess + 10)
        return measured("regression", given, labels).statistics

    good, bad, primary = off_by(3), off_by(12), task_of("regression").PRIMARY
    result = compare_statistics(bad, good, primary)
    assert result.better == "B"
    assert result.differences["mean_absolute_error"].high < 0, "less error is better"
    assert result.summary.startswith("B is better than A: its mean absolute error is lower by")
    assert (result.needed, result.answers) == (None, {})
    assert result.test == "randomisation of 120 items"
    assert compare_statistics(good, bad, primary).better == "A"
    assert compare_statistics(good, good, primary).better is None
