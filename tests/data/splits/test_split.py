"""Splits and folds: stratified, cluster-disjoint, deterministic, quick."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.splits.split import folds, leaks, split_dataset
from headstart.errors import OptionError


def dataset(targets, splits=None):
    n = len(targets)
    return Dataset(
        root=Path(),
        names=tuple(f"{i}.jpg" for i in range(n)),
        labels=Classes(tuple(str(c) for c in range(max(targets) + 1)), np.asarray(targets)),
        splits=np.full(n, "", "U5") if splits is None else np.array(splits),
    )


def disjoint(parts, clusters):
    return all(len(set(parts[clusters == c])) == 1 for c in np.unique(clusters))


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.5])
def test_a_drawn_split_is_stratified(test_size):
    targets = np.repeat([0, 1, 2], [100, 50, 10])
    got = split_dataset(dataset(targets), np.arange(160), test_size=test_size)
    for c, n in enumerate([100, 50, 10]):
        assert (got[targets == c] == "test").sum() == round(n * test_size)


def test_clusters_are_never_cut():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 5, 600)
    clusters = rng.integers(0, 200, 600)
    for seed in range(5):
        got = split_dataset(dataset(targets), clusters, seed=seed)
        assert disjoint(got, clusters)
        assert abs((got == "test").mean() - 0.2) < 0.03
        for c in range(5):
            assert abs((got[targets == c] == "test").mean() - 0.2) < 0.08
        assert not leaks(got, clusters).any()


def test_same_seed_same_split_other_seed_another():
    targets = np.repeat([0, 1], 100)
    a, b, c = (split_dataset(dataset(targets), np.arange(200), seed=s) for s in (3, 3, 4))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def of(names, targets):
    return replace(dataset(targets), names=tuple(names))


def held_of(names, targets, clusters):
    got = split_dataset(of(names, targets), np.asarray(clusters))
    return {name for name, part in zip(names, got) if part == "test"}


def test_an_image_more_leaves_the_others_where_they_are():
    names = [f"{i:03}.jpg" for i in range(500)]
    targets = [i % 3 for i in range(500)]
    before = held_of(names, targets, np.arange(500))
    added = held_of([*names, "a.jpg", "b.jpg"], [*targets, 0, 1], np.arange(502))
    assert len(before) == 99
    assert len(before ^ added) <= 2
    turned = held_of(names[::-1], targets[::-1], np.arange(500))
    assert turned == before


def test_clusters_told_otherwise_move_few_images():
    rng = np.random.default_rng(0)
    names, targets = [f"{i:03}.jpg" for i in range(600)], [0] * 300 + [1] * 300
    near = np.arange(600) // np.repeat(rng.integers(1, 5, 150), 4)  # pairs, triples, fours
    there = held_of(names, targets, near)
    other = near.copy()
    other[rng.choice(600, 12, replace=False)] = np.arange(1000, 1012)  # 12 stand alone
    assert abs(len(there) - 120) <= 3
    assert len(there & held_of(names, targets, other)) > 0.85 * len(there)


def test_images_with_companions_have_their_share_of_the_test():
    clusters = np.r_[np.repeat(np.arange(100), 4), np.arange(100, 500)]
    got = split_dataset(dataset([0, 1] * 400), clusters) == "test"
    assert got[:400].sum() == pytest.approx(80, abs=8)
    assert got.sum() == 160


def test_given_splits_are_kept():
    targets = [0, 1, 0, 1]
    full = dataset(targets, ["train", "val", "test", ""])
    assert split_dataset(full, np.arange(4)).tolist() == ["train", "val", "test", "train"]
    no_test = dataset(targets, ["train", "train", "val", "val"])
    assert split_dataset(no_test, np.arange(4)).tolist() == ["train", "train", "test", "test"]
    only_train = dataset([0, 1] * 10, ["train"] * 20)
    assert (split_dataset(only_train, np.arange(20)) == "test").sum() == 4


def test_a_tiny_set_still_gets_a_test():
    got = split_dataset(dataset([0, 0, 1, 1]), np.arange(4))
    assert sorted(got.tolist()) == ["test", "test", "train", "train"]
    got = split_dataset(dataset([0, 1]), np.arange(2))
    assert got.tolist() == ["train", "train"]


@pytest.mark.parametrize("test_size", [0, 1, -1, 2])
def test_test_size_is_checked(test_size):
    with pytest.raises(OptionError, match="test_size"):
        split_dataset(dataset([0, 1]), np.arange(2), test_size=test_size)


def test_folds_are_stratified_and_even():
    targets = np.repeat([0, 1, 2, 3], [103, 50, 7, 1])
    got = folds(targets, np.arange(161))
    sizes = np.bincount(got, minlength=5)
    assert sizes.max() - sizes.min() <= 2
    for c in range(4):
        counts = np.bincount(got[targets == c], minlength=5)
        assert counts.max() - counts.min() <= 1


def test_many_tiny_classes_fill_the_folds_evenly():
    got = folds(np.arange(1000) // 2, np.arange(1000), k=5)
    assert np.ptp(np.bincount(got, minlength=5)) <= 2


def test_folds_keep_clusters_whole():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), rng.integers(1, 30, 40))
    targets = clusters % 4
    got = folds(targets, clusters, k=4)
    assert disjoint(got, clusters)
    for c in range(4):
        assert len(set(got[targets == c])) == 4


def test_one_cluster_lands_in_one_fold():
    assert len(set(folds(np.array([0, 1, 0, 1]), np.zeros(4, int)))) == 1
    assert folds(np.zeros(0, int), np.zeros(0, int)).shape == (0,)
    with pytest.raises(OptionError, match="folds"):
        folds(np.zeros(3, int), np.arange(3), k=1)


def test_unlabelled_items_are_dealt_too():
    got = folds(np.full(50, -1), np.arange(50))
    assert np.bincount(got).tolist() == [10] * 5


def test_a_hundred_thousand_items_are_quick():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 100, 100_000)
    clusters = np.arange(100_000)
    clusters[:4000] = np.arange(4000) // 2
    start = time.perf_counter()
    got = folds(targets, clusters)
    assert time.perf_counter() - start < 8
    assert np.ptp(np.bincount(got)) < 100


def test_leaks():
    splits = np.array(["train", "test", "val", "train", "test"])
    clusters = np.array([0, 0, 0, 1, 2])
    assert leaks(splits, clusters).tolist() == [True, False, True, False, False]
