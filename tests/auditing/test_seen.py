import dataclasses

import numpy as np

from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.seen import CoveredPart, read_inputs, vectors_of_parts
from headstart.compute import Compute
from headstart.features.extract import extract
from headstart.images.store import Store
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


def test_parts_are_embedded_once_and_kept(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    covered = []

    def dark(inputs):
        covered.append(inputs)
        return inputs // 2

    own = model.preprocess
    parts = (
        CoveredPart("all of it", own, 1, lambda inputs: inputs),
        CoveredPart("dark", own, 1, dark),
    )
    rows, seen = vectors_of_parts(model, evidence, parts, Compute(), most=20)
    assert len(covered) == len(rows) == 20
    part = evidence.dataset.take(rows)
    wanted = extract(part, model.backbone, preprocess=own).vectors
    np.testing.assert_allclose(seen[0], wanted, atol=2e-3)
    assert np.abs(seen[1] - wanted).max() > 0.01
    again, kept = vectors_of_parts(model, evidence, parts, Compute(), most=20)
    assert len(covered) == 20, "nothing is computed twice"
    assert again.tolist() == rows.tolist()
    assert [each.tolist() for each in kept] == [each.tolist() for each in seen]


def test_a_cache_that_cannot_be_written_is_no_trouble(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    monkeypatch.setattr(Store, "add", lambda self, key, row: None)
    part = CoveredPart("forgotten", model.preprocess, 1, lambda inputs: inputs)
    rows, seen = vectors_of_parts(model, evidence, (part,), Compute(), most=6)
    assert len(rows) == len(seen[0]) == 6


def test_of_images_that_are_gone_there_is_nothing(confounded, tmp_path, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    gone = dataclasses.replace(
        evidence, dataset=dataclasses.replace(evidence.dataset, root=tmp_path)
    )
    rows, seen = read_inputs(gone, np.arange(9), ((model.preprocess, 1),), Compute(), most=5)
    assert (len(rows), seen) == (0, [])
    part = CoveredPart("p", model.preprocess, 1, lambda inputs: inputs)
    rows, seen = vectors_of_parts(model, gone, (part,), Compute(), most=5)
    assert (len(rows), seen) == (0, [])
