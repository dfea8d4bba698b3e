import json
import logging
import shutil

from headstart.auditing.run_audit import audit_while_training
from headstart.compute import Compute
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
