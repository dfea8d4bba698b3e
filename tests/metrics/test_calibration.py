import numpy as np
import pytest

from headstart.metrics.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
)


def logits(n=2000, classes=4, heat=1.0, seed=0):
    """Logits whose softmax is the truth's own law, times `heat`."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=2, size=(n, classes))
    chances = apply_temperature(z, 1.0)
    targets = (chances.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return z * heat, np.minimum(targets, classes - 1)


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(heat):
    z, targets = logits(heat=heat)
    assert fit_temperature(z, targets) == pytest.approx(heat, rel=0.1)


def test_the_temperature_is_scipys_optimum():
    from scipy.optimize import minimize_scalar

    z, targets = logits(n=150, heat=2.0)
    doubt = 1 / (len(z) + 2)
    wanted = np.full(z.shape, doubt / (z.shape[1] - 1))
    wanted[np.arange(len(z)), targets] = 1 - doubt

    def loss(temperature):
        return -(wanted * np.log(apply_temperature(z, temperature))).sum()

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9})
    assert fit_temperature(z, targets) == pytest.approx(best.x, rel=1e-5)


def test_scaling_mends_the_calibration_and_keeps_the_answers():
    z, targets = logits(heat=3.0)
    before, after = (apply_temperature(z, t) for t in (1.0, fit_temperature(z, targets)))
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    errors = [
        expected_calibration_error(p.max(axis=1), p.argmax(axis=1) == targets)
        for p in (before, after)
    ]
    assert errors[1].high < errors[0].low


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_no_mistake_is_not_trusted_without_limit(scale):
    targets = np.arange(30) % 3
    t = fit_temperature(np.eye(3)[targets] * scale, targets)
    assert 0.05 <= t <= 20
    if scale == 1.0:
        assert apply_temperature(np.eye(3), t).max() < 0.99


def test_odd_input_is_survived():
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, int)) == 1.0
    z, targets = logits(n=50)
    z[3] = np.nan
    targets[5] = -1
    assert np.isfinite(fit_temperature(z, targets))
    assert np.isfinite(fit_temperature(np.zeros((5, 3)), np.zeros(5, int)))
    assert np.isnan(apply_temperature(z, 1.0)[3]).all()
    with pytest.raises(ValueError, match="positive"):
        apply_temperature(z, 0.0)


def test_probabilities_sum_to_one_whatever_the_logits():
    chances = apply_temperature(np.array([[1000.0, -1000.0], [0.0, 0.0]]), 0.1)
    assert chances.sum(axis=1) == pytest.approx(1)


def test_bins_count_every_item_once():
    confidences = np.array([0.0, 0.2, 1 / 15, 0.99, 1.0])
    bins = reliability(confidences, np.array([True, False, True, True, True]))
    assert sum(b.n for b in bins) == 5
    for b in bins:
        assert b.low <= b.confidence <= b.high
        assert 0 <= b.accuracy <= 1


def test_ece_by_hand():
    confidences = np.array([0.9] * 10)
    correct = np.array([True] * 6 + [False] * 4)
    error = expected_calibration_error(confidences, correct)
    assert error.value == pytest.approx(0.3)
    assert error.low <= 0.3 <= error.high
