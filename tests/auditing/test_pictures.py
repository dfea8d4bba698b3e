import dataclasses

from headstart.auditing.audit import audit_columns
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.pictures import cells_shown
from headstart.compute import Compute


def test_every_cell_is_shown_mistakes_first(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence = evidence_of_run(run, Compute())
    audit = audit_columns(evidence, evidence.dataset.attributes, name="run")
    (cells,) = cells_shown(audit, evidence).values()
    assert len(cells) == 4
    first = cells[0]
    assert "contradicts, mistakes first" in first["said"]
    assert first["pictures"][0]["wrong"]
    assert first["pictures"][0]["answer"].startswith("called ")
    assert all(each["picture"].startswith("data:image/jpeg") for each in first["pictures"])


def test_images_that_are_gone_are_no_matter(confounded, tmp_path, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence = evidence_of_run(run, Compute())
    gone = dataclasses.replace(evidence.dataset, root=tmp_path)
    evidence = dataclasses.replace(evidence, dataset=gone)
    audit = audit_columns(evidence, evidence.dataset.attributes, name="run")
    assert cells_shown(audit, evidence) == {"tint": []}
