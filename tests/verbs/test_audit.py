import json
import shutil

import pytest
from tests.confounded import paint_confounded

from headstart.cli import main
from headstart.errors import DataError, ModelError
from headstart.verbs.audit import audit
from headstart.verbs.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose model leans on the tint, with its cache."""
    root = tmp_path_factory.mktemp("audited")
    data = paint_confounded(root / "data", 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        return train(data, out=root / "run", backbone="starter", strategy="probe", baselines="none")


@pytest.fixture(autouse=True)
def cached(run, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(run.folder.parent / "cache"))


def test_from_the_shell_serious_is_exit_status_1(run, capsys):
    run.audit.unlink(missing_ok=True)
    assert main(["audit", str(run.folder)]) == 1
    said = capsys.readouterr().out
    assert "serious" in said
    assert "Of 100 answers" in said
    assert "Gather 40 more images of" in said
    assert str(run.audit) in said
    assert str(run.audit_page) in said
    assert "<h1>" in run.audit_page.read_text()


def test_a_column_of_chance_is_exit_status_0(run, capsys):
    assert main(["audit", str(run.folder), "--by", "coin", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["columns"][0]["verdict"] == "fine"
    assert value["written"] == [str(each) for each in run.audit_files(by=["coin"])]


def test_columns_that_are_named_stand_beside_the_audit_of_all(run):
    audit(run.folder)
    whole = run.audit_page.read_text(), run.audit.read_text()
    found = audit(run.folder, by="coin")
    assert [each.column for each in found.columns] == ["coin"]
    assert (run.audit_page.read_text(), run.audit.read_text()) == whole
    page = (run.folder / "audit-by-coin.html").read_text()
    assert "Asked of coin only." in page
    assert '<a href="audit.html">' in page


def test_all_columns_by_default_and_other_data(run, tmp_path):
    found = audit(run.folder)
    assert {each.column for each in found.columns} == {"tint", "coin"}
    assert set(found.skipped) == {"again", "same"}
    fair = paint_confounded(tmp_path / "fair", 30, seed=8)
    own = run.audit_page.read_text(), run.audit.read_text()
    other = audit(run.folder, fair, by="tint")
    assert other.serious
    assert "fair" in other.summary
    assert (run.audit_page.read_text(), run.audit.read_text()) == own, "the run's own stays"
    beside = (run.folder / "audit-fair-by-tint.html").read_text()
    assert "asked about <strong>fair</strong>" in beside
    assert "Every number is in audit-fair-by-tint.json" in beside


def test_other_data_are_named_on_the_screen(run, tmp_path, capsys):
    fair = paint_confounded(tmp_path / "x" / "clinic b", 30, seed=8)
    main(["audit", str(run.folder), str(fair), "--by", "tint"])
    said = capsys.readouterr().out
    assert f"wrote {run.folder / 'audit-clinic_b-by-tint.html'}" in said
    assert f"wrote {run.audit_page}" not in said


def test_what_is_wrong_is_one_line(run, tmp_path):
    with pytest.raises(DataError, match="--by nose"):
        audit(run.folder, by="nose")
    with pytest.raises(ModelError, match="is not a run"):
        audit(tmp_path)


def test_images_may_be_gone(run, tmp_path):
    data = run.folder.parent / "data"
    shutil.move(data, tmp_path / "away")
    try:
        assert audit(run.folder, by="tint").serious
    finally:
        shutil.move(tmp_path / "away", data)


def test_labels_are_listed_and_a_filled_in_sheet_is_trained_on(tmp_path):
    import csv

    data = paint_confounded(tmp_path / "data", 30)
    shutil.move(data / "dull" / "000.png", data / "bright" / "moved.png")
    made = train(data, out=tmp_path / "run", backbone="starter", strategy="probe", baselines="none")
    found = audit(made.folder)
    assert "moved.png" in {each.name.rpartition("/")[2] for each in found.labels[:15]}
    rows = list(csv.DictReader(made.label_suspects.open()))
    for row in rows:
        row["corrected"] = "dull" if row["file"] == "bright/moved.png" else ""
    with made.label_suspects.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    again = train(
        data, out=tmp_path / "again", backbone="starter", strategy="probe", baselines="none",
        corrections=made.label_suspects,
    )  # fmt: skip
    said = json.loads(again.dataset.read_text())["reading"]["corrections"]
    assert said.startswith("1 label changed by")
    assert "bright/moved.png,test" in again.items.read_text()
    line = next(each for each in again.items.read_text().splitlines() if "moved.png" in each)
    assert ",dull," in line
