import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.metrics.interval import (
    cluster_bootstrap,
    cluster_codes,
    effective_wilson,
    limits,
    paired_difference,
    resample,
    wilson,
)


def share(values):
    return lambda weights: weights @ values / weights.sum(axis=1)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (96, 100), (50, 50), (999, 1000)])
def test_wilson_agrees_with_scipy(successes, n):
    from scipy.stats import binomtest

    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    ours = wilson(successes, n)
    assert ours.value == successes / n
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_holds_its_value_and_stays_inside(n, fraction):
    ours = wilson(fraction * n, n)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1
    assert ours.high - ours.low > 0


def test_wilson_of_nothing_says_so():
    ours = wilson(0, 0)
    assert math.isnan(ours.value)
    assert (ours.low, ours.high, ours.n) == (0, 1, 0)


def test_bootstrap_of_items_that_stand_alone_is_the_textbook_one():
    values = np.random.default_rng(0).normal(5, 2, 400)
    ours = cluster_bootstrap(share(values), None, n=400, bounds=(-np.inf, np.inf))
    error = values.std() / 20
    assert ours.value == pytest.approx(values.mean())
    assert ours.high - ours.low == pytest.approx(2 * 1.96 * error, rel=0.12)
    assert "cluster" not in ours.method


def test_copies_of_an_item_add_no_certainty():
    values = (np.random.default_rng(1).random(60) < 0.7).astype(float)
    once = cluster_bootstrap(share(values), None, n=60)
    copies, clusters = np.repeat(values, 10), np.repeat(np.arange(60), 10)
    grouped = cluster_bootstrap(share(copies), clusters, n=600)
    naive = cluster_bootstrap(share(copies), None, n=600)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.1)
    assert naive.high - naive.low < 0.5 * (grouped.high - grouped.low)
    assert "60 clusters" in grouped.method


def test_text_clusters_do_as_well_as_numbers():
    values = np.arange(6.0) / 6
    numbers = cluster_bootstrap(share(values), np.array([0, 0, 1, 1, 2, 2]), n=6)
    words = cluster_bootstrap(share(values), np.array(["a", "a", "b", "b", "c", "c"]), n=6)
    assert numbers == words


def test_the_seed_decides_and_nothing_else():
    values = np.random.default_rng(0).random(50)
    clusters = np.arange(50) // 2
    assert cluster_bootstrap(share(values), clusters, n=50, seed=3) == cluster_bootstrap(
        share(values), clusters, n=50, seed=3
    )
    assert cluster_bootstrap(share(values), clusters, n=50, seed=3) != cluster_bootstrap(
        share(values), clusters, n=50, seed=4
    )


def test_chunks_of_weights_do_not_change_their_law(monkeypatch):
    monkeypatch.setattr("headstart.metrics.interval._CHUNK", 500)
    weights = resample(lambda w: w, np.arange(100), replicates=40)
    assert weights.shape == (40, 100)
    assert (weights.sum(axis=1) == 100).all()


def test_no_mistake_seen_is_not_no_mistake_possible():
    ours = cluster_bootstrap(share(np.ones(40)), np.arange(40) // 2, n=40)
    assert (ours.value, ours.high) == (1, 1)
    assert ours.low == pytest.approx(wilson(20, 20).low)


def test_one_cluster_knows_almost_nothing():
    ours = cluster_bootstrap(share(np.array([1.0, 0, 1, 1])), np.zeros(4), n=4)
    assert ours.high - ours.low > 0.7


def test_few_clusters_reach_further():
    draws = np.random.default_rng(0).normal(size=(1000, 1))
    few = limits(np.zeros(1), draws, clusters=4)
    many = limits(np.zeros(1), draws, clusters=4000)
    assert few[0] < many[0] < 0 < many[1] < few[1]


def test_limits_skip_replicates_without_a_value():
    draws = np.random.default_rng(0).normal(size=(500, 2))
    draws[::3, 1] = np.nan
    low, high = limits(np.zeros(2), draws, clusters=100)
    assert np.isfinite([low, high]).all()
    low, high = limits(np.zeros(1), np.full((10, 1), np.nan), clusters=100)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_effective_wilson_of_independent_items_is_wilson():
    values = (np.random.default_rng(2).random(300) < 0.9).astype(float)
    draws = resample(share(values), np.arange(300))
    ours = effective_wilson(values.mean(), draws, n=300, clusters=300)
    plain = wilson(values.sum(), 300)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=0.005)


def test_effective_wilson_covers_near_one():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = (rng.random(60) < 0.95).astype(float)
        draws = resample(share(values), np.arange(60), replicates=200)
        ours = effective_wilson(values.mean(), draws, n=60, clusters=60)
        held += ours.low <= 0.95 <= ours.high
    assert held >= 180


def test_paired_difference_known_values():
    # Bonett and Price by hand: 8 gained, 2 lost of 100.
    a, b = np.ones(100, bool), np.ones(100, bool)
    b[:8] = False
    a[8:10] = False
    ours = paired_difference(a, b)
    up, down = 9 / 102, 3 / 102
    half = 1.959964 * math.sqrt((up + down - (up - down) ** 2) / 102)
    assert ours.value == pytest.approx(0.06)
    assert (ours.low, ours.high) == pytest.approx((up - down - half, up - down + half), abs=1e-6)


def test_paired_difference_is_antisymmetric_and_bounded():
    rng = np.random.default_rng(0)
    a, b = rng.random(50) < 0.9, rng.random(50) < 0.5
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (there.value, there.low, there.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )
    sure = paired_difference(np.ones(5, bool), np.zeros(5, bool))
    assert sure.low < sure.value == 1 == sure.high


def test_paired_difference_of_equals_still_has_width():
    same = np.ones(30, bool)
    for clusters in (None, np.arange(30) // 3):
        ours = paired_difference(same, same, clusters)
        assert ours.value == 0
        assert ours.low < 0 < ours.high


def test_paired_difference_by_cluster_is_wider():
    rng = np.random.default_rng(0)
    a, b = np.repeat(rng.random(30) < 0.9, 10), np.repeat(rng.random(30) < 0.6, 10)
    alone = paired_difference(a, b)
    grouped = paired_difference(a, b, np.repeat(np.arange(30), 10))
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.method.startswith("paired cluster bootstrap")


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="clusters must be"):
        cluster_bootstrap(share(np.ones(3)), np.zeros(2), n=3)
    with pytest.raises(ValueError, match="two"):
        paired_difference(np.ones(3, bool), np.ones(2, bool))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.99])
@given(n=st.integers(1, 400), share=st.floats(0, 1))
def test_wilson_agrees_with_scipy_at_any_level(level, n, share):
    from scipy.stats import binomtest

    successes = round(share * n)
    wanted = binomtest(successes, n).proportion_ci(level, method="wilson")
    ours = wilson(successes, n, level=level)
    assert (ours.low, ours.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)
    assert ours.method == f"Wilson {100 * level:g}%"


@given(st.integers(1, 300), st.integers(0, 300))
def test_wilson_of_failures_is_its_mirror_image(n, successes):
    successes = min(successes, n)
    one, other = wilson(successes, n), wilson(n - successes, n)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


@given(st.lists(st.text(max_size=3), min_size=1, max_size=20))
def test_clusters_are_numbered(names):
    codes, total = cluster_codes(np.array(names, dtype=object).astype(str), len(names))
    assert total == len(set(codes.tolist()))
    assert set(codes.tolist()) == set(range(total))
    for a, one in enumerate(names):
        for b, other in enumerate(names):
            if one.rstrip("\0") == other.rstrip("\0"):  # numpy's text ends at its last letter
                assert codes[a] == codes[b]


def test_items_alone_are_as_many_clusters():
    codes, total = cluster_codes(None, 4)
    assert (codes.tolist(), total) == ([0, 1, 2, 3], 4)


@pytest.mark.parametrize("sizes", [[1] * 30, [5, 1, 1, 9, 3], [40]])
def test_draws_take_whole_clusters(sizes):
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    weights = resample(lambda w: w.copy(), clusters, replicates=25, seed=1)
    starts = np.cumsum([0, *sizes[:-1]])
    for row in weights:
        assert row[starts].sum() == len(sizes)
        assert np.array_equal(row, np.repeat(row[starts], sizes))


def test_large_sets_are_drawn_less_often():
    counts = [
        len(resample(lambda w: w.sum(axis=1), np.arange(n))) for n in (10, 5_000, 20_000, 50_000)
    ]
    assert counts == [1000, 1000, 250, 200]


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_limits_of_many_clusters_are_percentiles(level):
    draws = np.random.default_rng(0).normal(size=(2001, 1))
    draws -= np.median(draws)
    low, high = limits(np.zeros(1), draws, clusters=10**6, level=level)
    tail = (1 - level) / 2
    assert low[0] == pytest.approx(np.quantile(draws, tail), abs=1e-2)
    assert high[0] == pytest.approx(np.quantile(draws, 1 - tail), abs=1e-2)


def test_a_wider_level_holds_the_narrower():
    values = np.random.default_rng(0).random(60)
    narrow, wide = (cluster_bootstrap(share(values), None, n=60, level=x) for x in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("clusters", [8, 15, 40])
def test_a_bootstrap_of_few_clusters_covers(clusters):
    rng = np.random.default_rng(clusters)
    held = 0
    for _ in range(80):
        people = rng.normal(0, 1, clusters)
        values = (people[:, None] + rng.normal(0, 0.3, (clusters, 4))).ravel()
        found = cluster_bootstrap(
            share(values), np.repeat(np.arange(clusters), 4), n=len(values), replicates=150,
            bounds=(-np.inf, np.inf),
        )  # fmt: skip
        held += found.low <= 0 <= found.high
    assert held >= 68


def test_paired_differences_cover():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(150):
        a, b = rng.random(60) < 0.9, rng.random(60) < 0.8
        found = paired_difference(a, b)
        held += found.low <= 0.1 <= found.high
    assert held >= 137


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_images_that_are_alike_claim_little(count):
    alike = 0.9 + 0.02 * (np.arange(count) % 2)  # nearly the same on every image, by luck
    found = cluster_bootstrap(share(alike), None, n=count)
    assert found.low < found.value < found.high
    assert found.low < 0.65
    assert found.high > 0.92
    assert "few" in found.method


def test_few_images_hold_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        values = rng.beta(2, 1.5, 3)
        found = cluster_bootstrap(share(values), None, n=3, replicates=200)
        held += found.low <= 2 / 3.5 <= found.high
    assert held >= 188  # percentiles alone: 130


def test_a_difference_on_two_images_is_not_certain():
    found = cluster_bootstrap(share(np.array([0.2, 0.2])), None, n=2, bounds=(-1.0, 1.0))
    assert found.low < 0 < found.value < found.high


def test_ten_images_are_resampled_as_ever():
    values = np.random.default_rng(0).random(10)
    assert cluster_bootstrap(share(values), None, n=10).method == "bootstrap 95%"
