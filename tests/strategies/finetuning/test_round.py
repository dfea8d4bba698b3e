"""Where a fine-tuning begins: at the probe, without its knowledge of how frequent classes are."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.compute import Compute
from headstart.probe.cross_validate import Round
from headstart.strategies.finetuning import round as module
from headstart.strategies.finetuning.round import Session, finetune
from headstart.tasks.classification.learn import log_prior
from headstart.training.average import SelectedWeights
from headstart.training.schedule import Recipe
from headstart.training.start import Start


def test_the_prior_is_the_logarithm_of_the_shares():
    targets = np.array([0] * 30 + [1] * 10)
    assert np.exp(log_prior(targets, 2)) == pytest.approx([0.75, 0.25])
    assert np.isfinite(log_prior(targets, 3)).all()


@pytest.mark.parametrize("balanced", [False, True])
def test_with_logit_adjustment_the_head_starts_without_the_prior(tmp_path, monkeypatch, balanced):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    data = pictures(tmp_path / "data", (40, 10))
    prepared, network = material(data)
    items = np.arange(len(data))
    learnt = Round(items, items[:0], data.labels.targets, 2)
    found = {
        balance: finetune(
            prepared, learnt, network,
            Recipe(epochs=1, batch=8, lr=1e-30, weight_decay=0.0, balance=balance, hflip="yes"),
            Start(network.features.sets["last"], 1.0, balanced), Compute(workers=0), refit=False,
        )
        for balance in ("none", "logits")
    }  # fmt: skip
    plain, adjusted = (found[name].start_scores for name in ("none", "logits"))
    own = np.setdiff1d(items, found["none"].validation)
    prior = log_prior(data.labels.targets[own], 2)
    moved = np.zeros(2) if balanced else prior
    np.testing.assert_allclose(plain - adjusted, np.tile(moved, (len(plain), 1)), atol=1e-4)
    assert found["none"].uneven


def test_once_more_on_all_only_while_time_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    data = pictures(tmp_path / "data", (20, 20))
    prepared, network = material(data)
    items = np.arange(len(data))
    learnt = Round(items, items[:0], data.labels.targets, 2)

    def refitted(until: float | None) -> bool:
        kept = SelectedWeights(None, (1,), 1.0, 1.0, 0.5)
        monkeypatch.setattr(
            module._Finetuning, "decide",
            lambda self, first, scores: setattr(self, "val_scores", scores) or kept,
        )  # fmt: skip
        return finetune(
            prepared, learnt, network, Recipe(epochs=1, batch=8, hflip="yes"),
            Start(network.features.sets["last"], 1.0), Compute(workers=0),
            session=Session(until=until),
        ).refitted  # fmt: skip

    assert refitted(None)
    assert refitted(time.perf_counter() + 1e6)
    assert not refitted(time.perf_counter() - 1.0)
