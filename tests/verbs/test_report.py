import json

import pytest

from headstart.errors import ModelError
from headstart.verbs.report import report


def test_a_page_is_written_from_what_is_there(tmp_path):
    (tmp_path / "options.json").write_text(json.dumps({"data": "pictures", "seed": 1}))
    page = report(str(tmp_path))
    assert page == tmp_path / "report.html"
    assert "headstart train pictures --seed 1" in page.read_text(encoding="utf-8")
    first = page.read_bytes()
    assert report(tmp_path).read_bytes() == first


def test_a_run_of_another_version_is_refused(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(ModelError, match="another version"):
        report(tmp_path)


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty folder"])
def test_what_is_no_run_is_refused_by_name(tmp_path, what):
    path = tmp_path / "run"
    if what == "a file":
        path.write_text("")
    if what == "an empty folder":
        path.mkdir()
    with pytest.raises(ModelError, match="headstart train"):
        report(path)
