import numpy as np
import pytest

from headstart.metrics.calibration import (
    apply_temperature,
    calibration_error,
    fit_temperature,
    reliability,
)
from headstart.metrics.statistic import estimate


def error_of(confidences, correct, *, clusters=None, seed=0, **options):
    """The error with its interval."""
    return estimate(calibration_error(confidences, correct, **options), clusters, seed=seed)


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
    errors = [error_of(p.max(axis=1), p.argmax(axis=1) == targets) for p in (before, after)]
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


def test_the_error_by_hand():
    confidences = np.array([0.9] * 10)
    correct = np.array([True] * 6 + [False] * 4)
    error = error_of(confidences, correct)
    gaps = confidences - correct
    pairs = [gaps[i] * gaps[j] for i in range(10) for j in range(10) if i != j]
    assert error.value == pytest.approx(np.mean(pairs) ** 0.5)
    assert error.low <= 0.3 <= error.high
    assert "root mean square over 1 bins of equally many, debiased" in error.method


@pytest.mark.parametrize("bins", [1, 7, 10])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_against_brute_force(bins, seed):
    rng = np.random.default_rng(seed)
    confidences = rng.permutation(210) / 210
    correct = rng.random(210) < confidences**2
    gaps, wanted = confidences - correct, 0.0
    for mine in np.array_split(np.argsort(confidences), bins):
        products = np.outer(gaps[mine], gaps[mine])
        np.fill_diagonal(products, 0)
        wanted += products.sum() / (len(mine) - 1) / 210
    statistic = calibration_error(confidences, correct, bins=bins)
    assert statistic.value == pytest.approx(max(wanted, 0) ** 0.5)
    assert error_of(confidences, correct, bins=bins).value == pytest.approx(statistic.value)


def test_weights_are_repeated_pairs():
    rng = np.random.default_rng(0)
    confidences = np.full(12, 0.6)
    correct = rng.random(12) < 0.3
    statistic = calibration_error(confidences, correct)
    weights = rng.integers(0, 3, 12)
    gaps = confidences - correct
    off = np.outer(weights * gaps, weights * gaps) * (1 - np.eye(12))
    pairs = np.outer(weights, weights) * (1 - np.eye(12))
    wanted = (off.sum() / pairs.sum()) ** 0.5
    assert statistic(weights[None].astype(float))[0] == pytest.approx(wanted)


@pytest.mark.parametrize("n", [40, 100])
@pytest.mark.parametrize("heat", [1.0, 1.5, 3.0])
def test_the_interval_holds_the_error(n, heat):
    many, truth = logits(n=60_000, heat=heat, seed=99)
    chances = apply_temperature(many, 1.0)
    known = calibration_error(chances.max(axis=1), chances.argmax(axis=1) == truth).value
    inside, values, widths = 0, [], []
    for seed in range(100):
        z, targets = logits(n=n, heat=heat, seed=seed)
        p = apply_temperature(z, 1.0)
        found = error_of(p.max(axis=1), p.argmax(axis=1) == targets)
        inside += found.low <= known <= found.high
        values.append(found.value**2)
        widths.append(found.high - found.low)
    assert inside >= 90
    # Below zero is cut off; the plain square is 1.3 / n above.
    assert np.mean(values) == pytest.approx(known**2, abs=0.4 / n)
    assert np.mean(widths) < (0.25 if n == 100 else 0.35)


def test_a_model_that_is_never_wrong_may_still_be():
    found = error_of(np.full(50, 0.99), np.ones(50, bool))
    assert found.low <= found.value == pytest.approx(0.01)
    assert 0.02 < found.high < 0.2
    perfect = error_of(np.ones(50), np.ones(50, bool))
    assert perfect.value == perfect.low == 0
    assert 0 < perfect.high < 0.2


@pytest.mark.parametrize("n", [1, 2, 9])
def test_few_items_say_little(n):
    found = error_of(np.linspace(0.4, 0.9, n), np.arange(n) % 2 == 0)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.2


def test_rows_of_the_diagram_hold_every_item():
    rng = np.random.default_rng(0)
    confidences = np.round(rng.random(200), 2)  # ties, and edges of bins
    correct = rng.random(200) < confidences
    for row in reliability(confidences, correct, bins=7):
        mine = (confidences > row.low) & (confidences <= row.high)
        mine |= (confidences == 0) & (row.low == 0)
        assert row.n == mine.sum()
        assert row.accuracy == pytest.approx(correct[mine].mean())


def test_bins_are_scikit_learns_calibration_curve():
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(1)
    confidences = rng.random(500)
    correct = rng.random(500) < confidences
    accuracy, confidence = calibration_curve(correct, confidences, n_bins=10)
    rows = reliability(confidences, correct, bins=10)
    assert [row.accuracy for row in rows] == pytest.approx(accuracy.tolist())
    assert [row.confidence for row in rows] == pytest.approx(confidence.tolist())


def test_of_nothing_there_are_no_bins():
    assert reliability(np.zeros(0), np.zeros(0, bool)) == ()


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 20.0])
def test_temperatures_are_scipys_softmax(temperature):
    from scipy.special import softmax

    z, _ = logits(n=50)
    assert np.allclose(apply_temperature(z, temperature), softmax(z / temperature, axis=1))
    assert np.allclose(apply_temperature(z + 1000, temperature), softmax(z / temperature, axis=1))


@pytest.mark.parametrize("wrong", [0, -1.0, np.nan])
def test_temperatures_that_cannot_be(wrong):
    with pytest.raises(ValueError, match="temperature must be positive"):
        apply_temperature(np.zeros((1, 2)), wrong)


def test_a_shift_of_logits_changes_no_temperature():
    z, targets = logits(n=300, heat=2.0)
    shifted = z + np.random.default_rng(0).normal(0, 50, (300, 1))
    assert fit_temperature(shifted, targets) == pytest.approx(fit_temperature(z, targets), rel=1e-6)


def test_logits_that_know_nothing_become_as_cool_as_may_be():
    rng = np.random.default_rng(0)
    assert fit_temperature(rng.normal(size=(4000, 3)), rng.integers(0, 3, 4000)) > 5
    assert fit_temperature(np.ones((5, 1)), np.zeros(5, int)) == 1.0


def test_clusters_widen_the_interval_and_make_no_pairs():
    rng = np.random.default_rng(0)
    confidences = np.repeat(rng.uniform(0.5, 1, 40), 10)
    correct = np.repeat(rng.random(40) < 0.6, 10)
    alone = error_of(confidences, correct)
    together = error_of(confidences, correct, clusters=np.repeat(np.arange(40), 10))
    assert together.value < alone.value  # copies are no evidence of one another
    assert together.high - together.low > 1.2 * (alone.high - alone.low)
    assert "40 clusters" in together.method
    once = error_of(confidences[::10], correct[::10], bins=8)
    again = error_of(confidences, correct, clusters=np.repeat(np.arange(40), 10), bins=8)
    assert again.value == pytest.approx(once.value)
    assert again.high == pytest.approx(once.high, abs=0.03)
