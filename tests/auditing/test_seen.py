import dataclasses

import numpy as np

from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.seen import read_inputs, seen_vectors
from headstart.compute import Compute
from headstart.nets.model import Model


def test_images_are_read_once_in_every_way_that_is_asked_for(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    whole = dataclasses.replace(model.preprocess, geometry="squash")
    looks = ((model.preprocess, 1), (whole, 2))
    rows, seen = read_inputs(evidence, np.arange(3, 60), looks, Compute(), most=20)
    size = model.preprocess.size
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 20
    assert rows.min() >= 3
    assert [each.shape for each in seen] == [(20, n, size, size, 3) for n in (1, 2)]
    again, _ = read_inputs(evidence, np.arange(3, 60), looks, Compute(), most=20)
    assert again.tolist() == rows.tolist()
    vectors = seen_vectors(model, model.preprocess, seen[0][:, 0], "cpu")
    np.testing.assert_allclose(vectors, evidence_vectors(model, evidence, rows), atol=2e-3)


def evidence_vectors(model, evidence, rows):
    """The same by the way of training."""
    from headstart.features.extract import extract

    part = evidence.dataset.take(rows)
    return extract(part, model.backbone, preprocess=model.preprocess).vectors


def test_of_images_that_are_gone_there_is_nothing(confounded, tmp_path, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    gone = dataclasses.replace(
        evidence, dataset=dataclasses.replace(evidence.dataset, root=tmp_path)
    )
    rows, seen = read_inputs(gone, np.arange(9), ((model.preprocess, 1),), Compute(), most=5)
    assert (len(rows), seen) == (0, [])
