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
    assert main(["audit", str(run.folder), "--by", "tint"]) == 1
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
    assert value["written"] == [str(run.audit), str(run.audit_page)]


def test_all_columns_by_default_and_other_data(run, tmp_path):
    found = audit(run.folder)
    assert {each.column for each in found.columns} == {"tint", "coin"}
    assert set(found.skipped) == {"again", "same"}
    fair = paint_confounded(tmp_path / "fair", 30, seed=8)
    other = audit(run.folder, fair, by="tint")
    assert other.serious
    assert "fair" in other.summary


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
