"""Identities through `train`: held out entirely, measured beside what must be beaten."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.crowds import crowd

from headstart.errors import BackboneError, DataError, OptionError
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.verbs.export import export
from headstart.verbs.predict import predict
from headstart.verbs.report import report
from headstart.verbs.train import train

QUICK = {"backbone": "starter", "image_size": 32, "task": "identity", "workers": 1}
SHORT = "identities=3,each=3,augment=light,hflip=no"


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    root = tmp_path_factory.mktemp("learnt")
    data = crowd(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        yield data, train(data, out=root / "run", epochs=2, recipe=SHORT, **QUICK)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_what_a_run_holds(learnt):
    _, run = learnt
    found = run.results["retrieval"]
    assert [row["name"] for row in found["rows"]] == ["triplet", "frozen", "whitened", "softmax"]
    assert found["identities"] == {"trained": 4, "deciding": 2, "unseen": 4}
    for row in found["rows"]:
        for each in row["measures"].values():
            assert 0 <= each["low"] <= each["value"] <= each["high"] <= 1
            assert "4 clusters" in each["method"]
    assert found["rows"][0]["gain"] is None
    assert set(run.results["baselines"]) == {"frozen", "whitened", "softmax"}
    assert run.results["finetuning"]["diagnoses"]
    history = rows(run.history)
    assert {row["training"] for row in history} == {"embedding", "softmax"}
    assert all(-1 <= float(row["mean_negative_cosine"]) <= 1 for row in history)
    assert all(1 <= float(row["effective_rank"]) <= 9 for row in history)
    page = run.report.read_text()
    assert "People never seen" in page
    assert "triplet loss (semihard)" in page
    assert report(run.folder)
    assert not Path(f"{run.folder}.unfinished").exists()


def test_nobody_is_on_both_sides(learnt):
    _, run = learnt
    counts = json.loads(run.dataset.read_text())["counts"]
    trained, tested = (
        {name for name, n in counts[part].items() if n} for part in ("train", "test")
    )
    assert len(trained) == len(tested) == 4
    assert not trained & tested
    assert {row["truth"] for row in rows(run.predictions)} == tested


def test_the_model_knows_everybody_by_enrolment(learnt):
    data, run = learnt
    model = Model.load(run.folder)
    assert len(model.spec.names) == 8
    assert model.spec.task == "identity"
    assert model.head.kind == "prototypes"
    found = predict(run.folder, [data])
    truth = [Path(name).parent.name for name in found.names]
    right = np.mean([found.identities[i] == who for i, who in zip(found.labels, truth)])
    assert right > 0.8
    # The network that learnt is an ordinary backbone, if it was kept.
    assert open_backbone(str(run.model / "backbone")).info.slices["last"]


def test_a_projection_lives_in_the_head_and_in_the_export(learnt, tmp_path, monkeypatch):
    data, run = learnt
    monkeypatch.setenv("HEADSTART_CACHE", str(run.folder.parent / "cache"))
    recipe = f"{SHORT},loss=arcface,dimension=16"
    found = train(data, out=tmp_path / "run", epochs=1, recipe=recipe, baselines="none", **QUICK)
    head = Model.load(found.folder).head
    assert head.arrays["projection"].shape == (16, len(head.columns))
    assert head.arrays["prototypes"].shape == (8, 16)
    assert [row["name"] for row in found.results["retrieval"]["rows"]] == [
        "arcface",
        "frozen",
        "whitened",
    ]
    record = export(found.folder, out=tmp_path / "export")
    assert record.parity.largest_difference < 1e-3


def test_a_split_by_person_is_used(tmp_path):
    data = crowd(tmp_path / "data", people=10, each=3, split="person")
    run = train(data, out=tmp_path / "run", epochs=1, recipe=SHORT, baselines="none", **QUICK)
    assert "the data's own split, which is by identity" in run.results["evaluation"]["summary"]
    tested = {row["truth"] for row in rows(run.predictions)}
    assert tested == {f"person{who}" for who in range(1, 10, 2)}


def test_a_split_by_image_is_not_and_the_run_says_so(tmp_path):
    data = crowd(tmp_path / "data", people=6, each=4, split="image")
    run = train(data, out=tmp_path / "run", epochs=1, recipe=SHORT, baselines="none", **QUICK)
    assert "on both sides" in run.results["evaluation"]["summary"]
    findings = json.loads(run.findings.read_text())
    assert "same_identities_on_both_sides" in {each["check"] for each in findings}


def test_a_collapse_is_caught_and_does_no_harm(tmp_path):
    data = crowd(tmp_path / "data")
    run = train(
        data, out=tmp_path / "run", epochs=3, lr=3.0, baselines="none",
        recipe=f"{SHORT},mining=hard,freeze=none,layer_decay=1,backbone_lr=1,clip=1000,warmup=0",
        **QUICK,
    )  # fmt: skip
    diagnoses = {each["check"]: each for each in run.results["finetuning"]["diagnoses"]}
    assert "collapse" in diagnoses
    assert "mining=semihard" in diagnoses["collapse"]["remedy"]
    assert run.results["retrieval"]["kept"] == "whitened"
    first, _, start = run.results["retrieval"]["rows"]
    assert first["measures"] == start["measures"]
    assert start["gain"]["map_at_r"]["value"] == 0


@pytest.mark.parametrize(
    ("options", "error", "summary"),
    [
        ({"tta": 2}, OptionError, "one view"),
        ({"strategy": "probe"}, OptionError, "leave --strategy probe out"),
        ({"strategy": "scratch"}, OptionError, "leave --strategy scratch out"),
        ({"lr": "auto"}, OptionError, "--lr auto"),
        ({"recipe": "loss=magic"}, OptionError, "choose triplet"),
        ({"recipe": "mixup=1"}, OptionError, "nobody"),
    ],
)
def test_bad_options_are_one_clear_line(tmp_path, options, error, summary):
    data = crowd(tmp_path / "data", people=6, each=2)
    with pytest.raises(error, match=summary):
        train(data, out=tmp_path / "run", **QUICK | options)


def test_too_few_people_and_frozen_files_are_refused(tmp_path, images):
    with pytest.raises(DataError, match="3 identities are too few"):
        train(images, out=tmp_path / "run", **QUICK)
    file = tmp_path / "x.onnx"
    file.write_bytes(b"not looked into")
    data = crowd(tmp_path / "data", people=6, each=2)
    with pytest.raises(BackboneError, match="only be used frozen"):
        train(data, out=tmp_path / "run", **QUICK | {"backbone": str(file)})
    assert not (tmp_path / "run").exists()
