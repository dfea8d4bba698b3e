"""Where a fine-tuning begins: at the probe, without its knowledge of how frequent classes are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.training.trainings import pictures

from headstart.compute import Compute
from headstart.features.extract import extract
from headstart.nets.backbone import open_backbone
from headstart.strategies.finetune_round import finetune
from headstart.tasks.classification.learn import log_prior
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
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=32)
    features = extract(data, backbone, preprocess=preprocess)
    columns = np.arange(features.vectors.shape[1])[features.slices["last"]]
    items = np.arange(len(data))
    found = {
        balance: finetune(
            data, features.vectors, items, backbone,
            Recipe(epochs=1, batch=8, lr=1e-30, weight_decay=0.0, balance=balance, hflip="yes"),
            Start(columns, 1.0, balanced), items=items, test=items[:0], preprocess=preprocess,
            refit=False, compute=Compute(workers=0),
        )
        for balance in ("none", "logits")
    }  # fmt: skip
    plain, adjusted = (found[name].start_scores for name in ("none", "logits"))
    own = np.setdiff1d(items, found["none"].validation)
    prior = log_prior(data.labels.targets[own], 2)
    moved = np.zeros(2) if balanced else prior
    np.testing.assert_allclose(plain - adjusted, np.tile(moved, (len(plain), 1)), atol=1e-4)
    assert found["none"].uneven
