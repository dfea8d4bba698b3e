import shutil

import numpy as np
import pytest

from headstart.auditing import from_run
from headstart.auditing.from_run import evidence_of_run
from headstart.compute import Compute
from headstart.run import Run
from headstart.verbs.train import train


@pytest.fixture(scope="module")
def held(confounded, tmp_path_factory):
    """A run on the same images that tests on a part of them, with its cache."""
    root = tmp_path_factory.mktemp("held")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        run = train(
            confounded[0], out=root / "run", backbone="starter", strategy="probe",
            baselines="none", evaluation="holdout",
        )  # fmt: skip
    return root / "cache", run


def test_a_cross_validated_run_answers_for_all(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    found = evidence_of_run(run, Compute())
    assert len(found) == 120
    assert found.tested.all()
    assert len(np.unique(found.models)) == 5
    assert (found.beside.folds == found.models).all()
    assert found.right.mean() == pytest.approx(run.primary.value)
    assert "cross-validated answers to 120 images" in found.said


def test_training_images_are_asked_where_a_test_is_small(held, monkeypatch):
    cache, run = held
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))
    found = evidence_of_run(run, Compute())
    assert len(found) == 120
    assert 20 <= found.tested.sum() <= 30
    assert found.right[found.tested].mean() == pytest.approx(run.primary.value)
    assert set(found.models[found.tested]) == {0}
    assert 0 not in found.models[~found.tested]
    assert "training images, each while it was held out" in found.said


def test_neither_images_nor_network_are_needed_once_the_cache_knows(held, monkeypatch):
    cache, run = held
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))

    def never(*args, **more):
        raise AssertionError("nothing is computed that the cache holds")

    monkeypatch.setattr(from_run, "extract", never)
    monkeypatch.setattr(from_run, "where_now", never)
    assert len(evidence_of_run(run, Compute())) == 120


def test_without_vectors_the_test_alone_is_asked(held, tmp_path, monkeypatch):
    _, run = held
    shutil.copytree(run.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "model")
    found = evidence_of_run(Run(tmp_path / "run"), Compute())
    assert found.tested.all()
    assert found.beside is None
    assert len(found) < 31


def test_a_finetuned_network_knows_its_training_images(held, monkeypatch):
    cache, run = held
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))
    monkeypatch.setattr(from_run, "is_finetuned", lambda run: True)
    assert evidence_of_run(run, Compute()).tested.all()
