"""Which weights are kept: never worse, on the held-out images, than any that were tried."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from headstart.training.average import choose_weights, mix
from headstart.training.loop import State


def at(x: float) -> State:
    """Weights that are one number, twice."""
    return [torch.tensor([x]), torch.tensor([[x, 2 * x]])]


def place(state: State) -> float:
    assert float(state[1][0, 1]) == pytest.approx(2 * float(state[0]), nan_ok=True)
    return float(state[0])


def judge_by(curve: Callable[[float], float]):
    """Weights at x have the measure `curve(x)`; the loss is what is missing."""

    def judge(state: State) -> tuple[float, float, float]:
        measure = curve(place(state))
        return measure, measure, 1 - measure

    return judge


def trained(judge, *places: float):
    """What the loop keeps: the best epochs, best first."""
    found = [(judge(at(x))[0], -judge(at(x))[2], i + 1, at(x)) for i, x in enumerate(places)]
    return sorted(found, key=lambda each: (-each[0], -each[1]))


def test_mix_is_a_weighted_mean():
    one, other = at(1.0), at(5.0)
    assert place(mix([one, other], [0.25, 0.75])) == pytest.approx(4.0)
    assert place(mix([at(1.0), at(2.0), at(6.0)], [0.5, 0.25, 0.25])) == pytest.approx(2.5)
    assert place(mix([at(3.0)], [1.0])) == 3.0
    assert (place(one), place(other)) == (1.0, 5.0)  # left alone


def test_mix_of_equal_weights_is_they():
    state = [torch.randn(100)]
    torch.testing.assert_close(mix([state, state], [0.3, 0.7])[0], state[0])


def test_the_start_is_kept_where_training_hurt():
    judge = judge_by(lambda x: 0.9 - 0.1 * abs(x))
    kept = choose_weights(at(0.0), trained(judge, 2.0, 3.0), judge)
    assert place(kept.state) == 0.0
    assert kept.share == 0.0
    assert kept.measure == kept.start_measure == pytest.approx(0.9)


def test_without_an_epoch_the_start_is_kept():
    kept = choose_weights(at(0.0), [], judge_by(lambda x: 0.5))
    assert (place(kept.state), kept.share, kept.epochs) == (0.0, 0.0, ())
    assert kept.measure == kept.start_measure == 0.5


def test_the_best_epoch_alone_where_averaging_hurts():
    peaks = {1.0: 0.9, 3.0: 0.8, 5.0: 0.85}
    judge = judge_by(lambda x: peaks.get(x, 0.1))
    kept = choose_weights(at(0.0), trained(judge, 5.0, 1.0, 3.0), judge)
    assert place(kept.state) == 1.0
    assert (kept.epochs, kept.share) == ((2,), 1.0)
    assert kept.measure == pytest.approx(0.9)
    assert kept.start_measure == pytest.approx(0.1)


def test_good_epochs_are_averaged_equally():
    judge = judge_by(lambda x: 0.9 - 0.1 * abs(x - 2.0))
    kept = choose_weights(at(-9.0), trained(judge, 1.0, 3.0), judge)
    assert place(kept.state) == pytest.approx(2.0)
    assert sorted(kept.epochs) == [1, 2]
    assert kept.measure == pytest.approx(0.9)


def test_three_epochs_a_third_each():
    judge = judge_by(lambda x: 0.5)  # all alike, so every one is taken
    kept = choose_weights(at(0.0), trained(judge, 1.0, 2.0, 6.0), judge)
    assert kept.share == 1.0
    assert place(kept.state) == pytest.approx(3.0)


def test_an_epoch_that_spoils_the_average_is_left_out():
    judge = judge_by(lambda x: 0.9 - 0.1 * abs(x - 2.0))
    kept = choose_weights(at(-9.0), trained(judge, 1.0, 7.0, 3.0), judge)
    assert sorted(kept.epochs) == [1, 3]
    assert place(kept.state) == pytest.approx(2.0)


@pytest.mark.parametrize(("peak", "share"), [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75), (4.0, 1.0)])
def test_as_far_from_the_start_as_helps(peak, share):
    judge = judge_by(lambda x: 0.9 - 0.1 * abs(x - peak))
    kept = choose_weights(at(0.0), trained(judge, 4.0), judge)
    assert kept.share == share
    assert place(kept.state) == pytest.approx(peak)
    assert kept.measure == pytest.approx(0.9)


def test_of_equals_the_one_that_learnt_most():
    judge = judge_by(lambda x: 0.7)
    assert choose_weights(at(0.0), trained(judge, 4.0), judge).share == 1.0


def test_of_equal_measures_the_smaller_loss():
    def judge(state: State) -> tuple[float, float, float]:
        x = place(state)
        return (0.2 if x == 4.0 else 0.8), 0.8, abs(x - 2.0)

    kept = choose_weights(at(0.0), [(0.2, -2.0, 1, at(4.0))], judge)
    assert kept.share == 0.5


def test_within_the_noise_the_one_that_went_furthest():
    def judge(state: State) -> tuple[float, float, float]:
        measure = 0.9 - 0.01 * abs(place(state) - 1.0)
        return measure, measure, 0.5

    best = trained(judge, 4.0)  # 0.87; at a share of a quarter 0.9, of three quarters 0.88
    assert choose_weights(at(0.0), best, judge).share == 0.25
    assert choose_weights(at(0.0), best, judge, noise=0.021).share == 0.75
    assert choose_weights(at(0.0), best, judge, noise=0.031).share == 1.0


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_tie_with_a_larger_loss_than_the_start_is_no_step_forward(noise):
    def judge(state: State) -> tuple[float, float, float]:
        return 0.5, 0.9 - 0.8 * place(state), place(state)  # all of the rare class: balanced 0.5

    kept = choose_weights(at(0.0), [(0.5, -1.0, 1, at(1.0))], judge, noise=noise)
    assert kept.share == 0.0


def test_noise_is_no_reason_to_leave_a_start_that_is_best():
    judge = judge_by(lambda x: 0.9 - 0.001 * abs(x))
    assert choose_weights(at(0.0), trained(judge, 4.0), judge, noise=0.1).share == 0.0


def random_curve(seed: int) -> Callable[[float], float]:
    return lambda x: (math.sin(12.9898 * x + seed) + 1) / 2


@pytest.mark.parametrize("seed", range(20))
def test_never_worse_than_the_start_or_any_single_epoch(seed):
    judge = judge_by(random_curve(seed))
    best = trained(judge, 1.0, 2.0, 3.5)
    kept = choose_weights(at(0.0), best, judge)
    assert kept.measure == pytest.approx(judge(kept.state)[0])
    assert kept.measure >= max(judge(at(0.0))[0], *(each[0] for each in best))


@pytest.mark.parametrize("seed", range(5))
def test_what_was_given_is_left_alone(seed):
    judge = judge_by(random_curve(seed))
    start, best = at(0.0), trained(judge, 1.0, 2.0, 3.5)
    places = [place(each[3]) for each in best]
    choose_weights(start, best, judge)
    assert [place(each[3]) for each in best] == places
    assert place(start) == 0.0


def spoilt(state: State) -> tuple[float, float, float]:
    """As `Validation.judge` sees weights that are no numbers: all in class 0, which may be most."""
    if math.isfinite(place(state)):
        return 0.4, 0.4, 1.0
    return 0.9, 0.9, math.nan


def test_weights_that_are_no_numbers_are_never_kept():
    """Their scores still have a largest one, so accuracy alone would not tell."""
    nan = at(math.nan)
    kept = choose_weights(at(0.0), [(-1.0, math.nan, 1, nan)], spoilt)
    assert (place(kept.state), kept.share) == (0.0, 0.0)
    best = [(0.4, -1.0, 1, at(1.0)), (-1.0, math.nan, 2, nan), (-1.0, -math.inf, 3, nan)]
    kept = choose_weights(at(0.0), best, spoilt)
    assert place(kept.state) == 1.0
    assert kept.epochs == (1,)


def test_an_average_whose_scores_are_no_numbers_is_not_kept():
    def judge(state: State) -> tuple[float, float, float]:
        return (0.4, 0.4, 1.0) if place(state) in (0.0, 1.0, 3.0) else (0.9, 0.9, math.nan)

    kept = choose_weights(at(0.0), trained(judge, 1.0, 3.0), judge)
    assert (place(kept.state), kept.epochs, kept.share) == (1.0, (1,), 1.0)
