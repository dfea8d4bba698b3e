import numpy as np
import pytest

from headstart.metrics.few import pooled_variance, student


@pytest.mark.parametrize("freedom", [3, 5, 10, 30, 200])
@pytest.mark.parametrize("z", [0.5, 1.0, 1.645, 1.96])
def test_students_quantile_is_scipys(freedom, z):
    from scipy.stats import norm, t

    assert student(z, freedom) == pytest.approx(t.ppf(norm.cdf(z), freedom), rel=0.012)


def test_what_was_seen_counts_by_its_images():
    still = np.full(100, 0.5)
    two, _ = pooled_variance(0.5, still, clusters=2, signed=False)
    nine, freedom = pooled_variance(0.5, still, clusters=9, signed=False)
    assert two > 3 * nine > 0
    assert freedom == 10


def test_one_image_says_what_a_yes_or_no_would():
    variance, freedom = pooled_variance(1.0, np.ones(50), clusters=1, signed=False)
    assert variance == pytest.approx(0.6 * 0.4)
    assert freedom == 2


def test_a_difference_goes_both_ways_alike():
    draws = np.linspace(-0.1, 0.1, 50)
    up, _ = pooled_variance(0.3, draws, clusters=4, signed=True)
    down, _ = pooled_variance(-0.3, draws, clusters=4, signed=True)
    assert up == pytest.approx(down)


def test_replicates_without_anything_to_measure_are_passed_over():
    draws = np.array([0.4, np.nan, 0.6, np.nan])
    some, _ = pooled_variance(0.5, draws, clusters=3, signed=False)
    assert some == pooled_variance(0.5, np.array([0.4, 0.6]), clusters=3, signed=False)[0]
