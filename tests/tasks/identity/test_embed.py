"""Training an embedding: people decide, staying is a choice, and a killed training goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.crowds import crowd
from tests.training.trainings import assert_same

from headstart.compute import Compute, silent
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.images.inputs import InputImages
from headstart.nets.learning.embedder import project
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.tasks.identity import embed as module
from headstart.tasks.identity.embed import IdentityMaterial, embed, vectors_of
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.whiten import whitening
from headstart.training.checkpoint import Checkpoints

RECIPE = MetricRecipe(
    epochs=2, identities=3, each=3, augment="light", hflip="no", lr=1e-3, head="none"
)


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> tuple[Dataset, Backbone, np.ndarray, np.ndarray]:
    """Eight drawn people, a network, and their frozen vectors."""
    root = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        data = open_dataset(crowd(root / "data"))
        backbone = open_backbone("starter")
        preprocess = replace(backbone.preprocess, size=32)
        inputs = InputImages(data, preprocess, workers=1)
        pool = backbone.pool(preprocess)
        with torch.inference_mode():
            images = np.stack([inputs[i] for i in range(len(data))])
            vectors = pool(torch.from_numpy(images)).numpy()
        width = vectors.shape[1]
        yield data, backbone, vectors, np.arange(width - pool.layout[-1][1], width)


def learn(known, recipe=RECIPE, *, progress=silent, **options):
    data, backbone, vectors, columns = known
    every, preprocess = np.arange(len(data)), replace(backbone.preprocess, size=32)
    material = IdentityMaterial(data, vectors, columns, every, backbone, preprocess)
    return embed(material, recipe, every, Compute(workers=0, progress=progress), **options)


def test_it_learns_and_others_decide(known):
    data, backbone, vectors, columns = known
    seen = []
    result = learn(known, on_epoch=lambda name, epoch: seen.append((name, epoch.epoch)))
    assert result.people == (6, 2)
    assert [each.epoch for each in result.history] == [1, 2]
    assert seen == [("embedding", 1), ("embedding", 2)]
    assert result.kept.measure >= result.kept.start_measure
    assert len(np.unique(result.validation.identities)) == 2
    assert 0 < result.temperature < 100
    assert result.projection is None
    inputs = InputImages(data, replace(backbone.preprocess, size=32), workers=1)
    unit = vectors_of(result.net, inputs, device="cpu")
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    moved = np.abs(unit - project(vectors, columns, None)).max()
    assert (moved > 1e-3) == (result.kept.share > 0)


def test_where_nothing_is_better_the_start_is_kept(known):
    """A rate of nothing: every epoch is the frozen network."""
    data, backbone, vectors, columns = known
    result = learn(known, replace(RECIPE, lr=1e-30, epochs=1))
    inputs = InputImages(data, replace(backbone.preprocess, size=32), workers=1)
    unit = vectors_of(result.net, inputs, device="cpu")
    assert np.allclose(unit, project(vectors, columns, None), atol=1e-3)
    assert result.kept.measure == pytest.approx(result.kept.start_measure)


def test_a_projection_begins_where_the_frozen_features_are(known):
    data, _, vectors, columns = known
    recipe = replace(RECIPE, lr=1e-30, epochs=1, head="whitened", dimension=24)
    result = learn(known, recipe, refit=False)
    assert result.projection.shape == (24, len(columns))
    validation = np.isin(data.labels.targets, np.unique(result.validation.identities))
    own = vectors[~validation][:, columns]
    assert np.allclose(
        result.projection, whitening(own, data.labels.targets[~validation], dimension=24)
    )


def test_a_stopped_training_goes_on_as_the_same(known, tmp_path, monkeypatch):
    made = []
    begin = module._begin

    def watched(*args, **options):
        made.append(begin(*args, **options))
        return made[-1]

    monkeypatch.setattr(module, "_begin", watched)
    learn(known, refit=False)

    class Stopped(Exception):
        pass

    def stop(phase: str, done: int, total: int) -> None:
        if phase.startswith("learning an embedding:") and done == total // 2:
            raise Stopped

    states = Checkpoints(Path(tmp_path), every=0)
    with pytest.raises(Stopped):
        learn(known, refit=False, checkpoints=states, progress=stop)
    learn(known, refit=False, checkpoints=states)
    whole, _, resumed = made
    assert_same(whole, resumed)
