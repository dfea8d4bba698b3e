import dataclasses
import json
import logging
import shutil

import pytest

from headstart.auditing import run_audit
from headstart.auditing.border import Border
from headstart.auditing.corruptions import Corrupted, Robustness
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.outer import measure_outer
from headstart.auditing.pictures import MAPS
from headstart.auditing.run_audit import audit_while_training
from headstart.compute import Compute
from headstart.errors import DataError
from headstart.records import Estimate
from headstart.run import Run


def test_a_training_audits_its_columns(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    assert run.audit.is_file(), "train has written it"
    audit_while_training(run, Compute(), name=str(run.folder))
    said = json.loads(run.audit.read_text())
    assert [each["verdict"] for each in said["said"] if each["column"] == "tint"] == ["serious"]
    assert set(said["skipped"]) == {"again", "same"}
    page = run.audit_page.read_text()
    assert "The model leans on tint" in page
    assert "<script" not in page
    report = run.report.read_text()
    assert "Does the model lean on something else?" in report
    assert "The model leans on tint" not in report or "audit.html" in report


def test_a_training_does_not_fail_for_an_audit(confounded, tmp_path, caplog):
    _, run = confounded
    shutil.copytree(run.folder, tmp_path / "run")
    broken = Run(tmp_path / "run")
    broken.audit.unlink()
    broken.outputs.write_bytes(b"nothing")
    with caplog.at_level(logging.WARNING):
        audit_while_training(broken, Compute(), name="run")
    assert "the columns were not audited" in caplog.text
    assert not broken.audit.exists()


def test_what_took_minutes_is_kept_by_an_audit_that_is_not_asked_for_it(
    confounded, tmp_path, monkeypatch
):
    data, made = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    shutil.copytree(made.folder, tmp_path / "run")
    run, measured = Run(tmp_path / "run"), []
    one = Estimate(0.5, 0.4, 0.6, 10, "drawn")

    def worse(*given, **more):
        measured.append(1)
        blur = Corrupted("blur", "much", True, one, one, False)
        return Robustness(10, "accuracy", True, one, (blur,), False)

    def outside(run, evidence, found, compute):
        maps, pictures = run_audit._maps(evidence, measure_outer(evidence, compute))
        found = dataclasses.replace(found, border=Border(9, 0.5, one, one, one), maps=maps)
        return found, {MAPS: pictures}

    monkeypatch.setattr(run_audit, "audit_corruptions", worse)
    monkeypatch.setattr(run_audit, "_unnamed", outside)
    evidence = evidence_of_run(run, Compute())

    def ask(seed=0, **what):
        compute = dataclasses.replace(Compute(), seed=seed)
        wanted = run_audit.AuditAsk(**what)
        return run_audit.run_audit(run, evidence, ["coin"], compute, name="run", ask=wanted)

    first = ask(corruptions=True, unnamed=True)
    assert not any(each.kept for each in first.asked.values())
    plain = ask(unnamed=True)
    assert plain.corruptions == first.corruptions
    assert {part: each.kept for part, each in plain.asked.items()} == {
        "unnamed": False, "corruptions": True,
    }  # fmt: skip
    page = run.audit_page.read_text()
    assert "and kept: the model and the images are the same" in page
    assert 'alt="blur out of focus"' in page, "with its pictures"
    assert ask(corruptions=True).corruptions == first.corruptions
    assert len(measured) == 1, "nothing is computed that the run holds"
    short = ask(seed=1)
    assert short.border == first.border, "what no column names stays as well"
    assert short.asked["unnamed"].kept
    assert [each.kind for each in short.maps] == [each.kind for each in plain.maps] != []
    again = run.audit_page.read_text()
    assert again.count("differs most at") == page.count("differs most at") == 2, "drawn again"
    ask(seed=1, corruptions=True)
    assert len(measured) == 2, "other images were drawn for it"


def test_columns_that_were_named_and_cannot_be_asked_are_one_line(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, ask = evidence_of_run(run, Compute()), run_audit.AuditAsk(by=("same",))
    with pytest.raises(DataError, match="--by same: it has one value only"):
        run_audit.run_audit(run, evidence, ["same"], Compute(), name="run", ask=ask)
