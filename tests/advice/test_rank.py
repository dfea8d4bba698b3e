"""Candidates are probed on the same items, and the best comes first."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.advice.rank import at_size, rank, sizes_to_try
from headstart.compute import Compute
from headstart.images.preprocess import Preprocess
from headstart.probe.cross_validate import Round

CPU = Compute(device="cpu", workers=1)


def network_of(size: int, *, any_size: bool = True) -> SimpleNamespace:
    return SimpleNamespace(preprocess=Preprocess(size), takes_any_size=lambda: any_size)


@pytest.mark.parametrize(
    ("own", "chosen", "any_size", "sizes"),
    [
        (224, 224, True, [128, 224]), (224, 96, True, [96, 128, 224]), (112, 112, True, [112]),
        (224, 224, False, [224]), (128, 64, True, [64, 128]),
    ],
)  # fmt: skip
def test_sizes_that_are_worth_a_try(own, chosen, any_size, sizes):
    assert sizes_to_try(network_of(own, any_size=any_size), Preprocess(chosen)) == sizes


def test_another_size_changes_nothing_else():
    before = Preprocess(224, "pad")
    assert at_size(before, 96) == replace(before, size=96)


def test_the_best_comes_first_with_what_its_rank_rests_on(tmp_path):
    data = pictures(tmp_path / "data", (12, 12), spread=10)
    prepared, network = material(data)
    items = np.arange(24)
    learnt = Round(items, items[:0], data.labels.targets, 2)
    looks = [(network.backbone, at_size(network.preprocess, size)) for size in (32, 48)]
    found = rank(prepared, learnt, looks, CPU, folds=2)
    assert sorted(each.candidate.image_size for each in found) == [32, 48]
    assert found[0].candidate.score >= found[1].candidate.score
    for each in found:
        one = each.candidate
        assert one.accuracy == each.probe.trials[0].accuracy
        assert one.image_size == each.network.preprocess.size
        assert one.last <= one.accuracy.value
        assert abs(one.score - one.accuracy.value) < 0.03, "the prior is small"
        assert math.isfinite(one.logme)
        assert each.network.features.vectors.shape[0] == 24
