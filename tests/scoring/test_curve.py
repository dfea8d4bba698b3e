import re

import numpy as np
import pytest

from headstart.metrics.interval import wilson
from headstart.scoring.curve import curve_section, extrapolate

SIZES = [40, 80, 160, 320]


def folds(law, noise=0.01, seed=0, k=5):
    rng = np.random.default_rng(seed)
    return np.clip(law(np.array(SIZES)[:, None]) + noise * rng.normal(size=(4, k)), 0, 1)


def test_a_clean_power_law_is_continued():
    law = lambda n: 1 - 0.05 - 1.2 * n**-0.6  # noqa: E731
    found = extrapolate(SIZES, folds(law, noise=0.001))
    assert found["n"] == 640
    assert found["accuracy"].value == pytest.approx(law(640.0), abs=0.01)
    assert "640 training images instead of 320" in found["summary"]


def test_what_is_said_is_about_the_images_that_are_there():
    law = lambda n: 1 - 0.05 - 1.2 * n**-0.6  # noqa: E731
    found = extrapolate(SIZES, folds(law, noise=0.001), have=400)  # the last size: four folds of it
    assert found["n"] == 800
    assert found["accuracy"].value == pytest.approx(law(800.0), abs=0.01)
    assert "800 training images instead of 400" in found["summary"]
    assert f"instead of {law(400.0):.1%}"[:15] in found["summary"]


def test_a_flat_curve_promises_nothing():
    found = extrapolate(SIZES, folds(lambda n: 0.9 + 0 * n, noise=0.004))
    assert abs(found["accuracy"].value - 0.9) < 0.01
    assert "hardly help" in found["summary"]


def test_a_falling_curve_is_not_continued_downwards():
    found = extrapolate(SIZES, folds(lambda n: 0.95 - n / 8000, noise=0.001))
    assert found["accuracy"].value > 0.9
    assert "hardly help" in found["summary"]


def test_what_a_noisy_curve_cannot_exclude_is_said():
    found = extrapolate(SIZES, folds(lambda n: 0.9 + 0 * n, noise=0.04, seed=3))
    assert re.search(r"no gain is seen, but one of \d\.\d% cannot be ruled out", found["summary"])


def test_the_interval_covers():
    law = lambda n: 1 - 0.03 - 1.5 * n**-0.7  # noqa: E731
    held = 0
    for seed in range(60):
        found = extrapolate(SIZES, folds(law, noise=0.015, seed=seed))
        held += found["accuracy"].low <= law(640.0) <= found["accuracy"].high
    assert held >= 50


def test_folds_that_are_all_right_are_not_certain():
    found = curve_section(np.array(SIZES), np.ones((4, 5)), have=400, tested=400)["forecast"]
    assert found["accuracy"].low == wilson(400, 400).low
    assert "100.0% (99.0% to 100.0%)" in found["summary"]
    assert "hardly help" in found["summary"]


def test_estimates_do_when_folds_are_not_kept():
    points = [wilson(round(400 * a), 400) for a in (0.8, 0.87, 0.91, 0.935)]
    found = extrapolate(SIZES, points)
    accuracy = found["accuracy"]
    assert 0 <= accuracy.low < accuracy.value < accuracy.high <= 1
    assert 0.92 < accuracy.value < 0.98


@pytest.mark.parametrize(
    ("sizes", "values"),
    [
        ([40, 80], np.full((2, 3), 0.9)),
        ([100, 120, 150], np.full((3, 3), 0.9)),
        (SIZES, np.full((4, 3), np.nan)),
        (SIZES, np.random.default_rng(0).random((4, 2))),
    ],
)
def test_what_cannot_be_said_is_not_said(sizes, values):
    assert extrapolate(sizes, values) is None


def test_disorder_is_refused():
    with pytest.raises(ValueError, match="rise"):
        extrapolate([3, 2, 1], np.ones((3, 2)))


def test_a_section_bears_the_measure_it_is_of():
    law = lambda n: 1 - 0.05 - 1.2 * n**-0.6  # noqa: E731
    values = folds(law, noise=0.001)
    found = curve_section(np.array(SIZES), values, have=400, measure=("map", "AP"))
    assert found["measure"] == {"key": "map", "words": "AP"}
    assert [point["n"] for point in found["points"]] == SIZES
    assert found["points"][0]["map"].value == pytest.approx(values[0].mean())
    assert "AP would be about 0.9" in found["forecast"]["summary"]  # as tables have it, no %
    assert found["forecast"]["map"].value == pytest.approx(law(800.0), abs=0.02)


def test_what_no_fold_could_measure_is_no_point_and_gives_no_forecast():
    values = folds(lambda n: 0.9 + 0 * n)
    values[0, 0] = np.nan
    found = curve_section(np.array(SIZES), values, have=400)
    assert len(found["points"]) == 3
    assert found["forecast"] is None
    nothing = curve_section(np.zeros(0, int), np.zeros((0, 5)), have=4)
    assert nothing["points"] == []
