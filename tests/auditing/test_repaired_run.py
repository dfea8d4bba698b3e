import dataclasses
import json

import numpy as np
import pytest
from tests.confounded import paint_confounded

from headstart.auditing import repaired_run
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.repaired_run import repair_run
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import DataError, ModelError, OptionError
from headstart.nets.model import Model
from headstart.run import Run
from headstart.verbs.audit import audit
from headstart.verbs.evaluate import evaluate
from headstart.verbs.train import train


@pytest.fixture(autouse=True)
def cached(confounded, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(confounded[0].parent / "cache"))


def test_a_repaired_run_is_a_run_that_is_right_where_the_two_are_unrelated(confounded, tmp_path):
    _, run = confounded
    found = audit(run.folder, repair="tint", out=tmp_path / "second", by="tint")
    second = Run(tmp_path / "second")
    assert found.run == str(second.folder)
    assert found.repair[0].startswith("Kept: weights: every value of tint counts alike")
    assert "--repair" not in " ".join(each.remedy for each in found.said), "that was done"
    assert "on images as these are -" in found.repair[0]
    fair = paint_confounded(tmp_path / "fair", 30, seed=11)
    before, after = evaluate(run.folder, fair), evaluate(second.folder, fair)
    assert after.test["accuracy"].value > before.test["accuracy"].value + 0.05, before.test
    assert second.primary.value < run.primary.value, "on images as they were it loses"
    # Its outputs are those of repaired models that had not seen the images.
    answers = evidence_of_run(second, Compute())
    assert answers.right.mean() == pytest.approx(second.primary.value)
    assert Model.load(second.folder).head.kind == "linear"
    assert second.report.is_file()
    assert "every value of tint counts alike" in second.report.read_text()
    assert json.loads(second.options.read_text())["command"].startswith("headstart audit")
    assert (run.folder / "model").is_dir()


def test_train_balances_a_column(confounded, tmp_path, capsys):
    data, run = confounded
    made = train(
        data, out=tmp_path / "run", backbone="starter", baselines="none", balance="tint"
    )  # fmt: skip
    assert made.results["repair"]["column"] == "tint"
    assert made.primary.value < run.primary.value
    assert "Kept: weights" in json.loads(made.audit.read_text())["repair"][0]
    assert Model.load(made.folder).head.kind == "linear"
    with pytest.raises(OptionError, match="did you mean tint"):
        train(data, out=tmp_path / "no", backbone="starter", balance="tnt")


def test_a_repair_that_does_not_pay_is_not_written(confounded, tmp_path, monkeypatch):
    _, run = confounded

    tried = repaired_run.repair

    def poor(*args, **more):
        found = tried(*args, **more)
        best = dataclasses.replace(found.best, kept=False)
        return dataclasses.replace(found, candidates=(best, *found.candidates[1:]))

    monkeypatch.setattr(repaired_run, "repair", poor)
    found = audit(run.folder, repair="tint", out=tmp_path / "second", by="tint")
    assert found.repair[0].startswith("Not kept")
    assert found.serious
    assert "--repair" not in found.said[0].remedy, "that was tried"
    assert not (tmp_path / "second").exists()


def test_what_cannot_be_repaired_is_one_line(confounded, tmp_path, monkeypatch):
    data, run = confounded
    with pytest.raises(DataError, match="--repair nose: the data have no such column"):
        repair_run(run, "nose", None, Compute())
    with pytest.raises(DataError, match="--repair same: it has one value only"):
        repair_run(run, "same", None, Compute())
    pool = open_dataset(data)  # the training images themselves: they have the confound
    with pytest.raises(DataError, match="take the class away"):
        repair_run(run, "tint", pool, Compute())
    with monkeypatch.context() as patch:
        patch.setattr(repaired_run, "is_finetuned", lambda run: True)
        with pytest.raises(OptionError, match="fine-tuned"):
            repair_run(run, "tint", None, Compute())
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "empty"))
    gone = tmp_path / "gone"
    data.rename(gone)
    try:
        with pytest.raises(ModelError, match="its images are gone"):
            repair_run(run, "tint", None, Compute())
    finally:
        gone.rename(data)
    assert np.isfinite(run.primary.value)


def test_what_is_not_used_is_not_repaired_and_one_line_says_so(confounded, tmp_path, monkeypatch):
    _, run = confounded
    tried = []
    monkeypatch.setattr(repaired_run, "repair", lambda *given, **more: tried.append(1))
    found = audit(run.folder, repair="coin", out=tmp_path / "second", by="coin")
    nothing, unwritten = found.repair
    assert nothing.startswith("Nothing to repair: among images of one class the score was not seen")
    assert "coin" in nothing
    assert unwritten == f"{tmp_path / 'second'} was not written: {run.folder} stays as it is."
    assert not tried
    assert not (tmp_path / "second").exists()
