import json

import pytest
from tests.masks_run import draw_scenes, write_masks_run

from headstart.auditing.gaps import audit_gaps
from headstart.compute import Compute
from headstart.errors import DataError, OptionError
from headstart.verbs.audit import audit


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("masks")
    return write_masks_run(draw_scenes(root / "data"), root / "run")


def test_masks_are_asked_by_column_and_by_what_no_column_names(run):
    found = audit(run.folder)
    asked = {each.subgroups.column: each for each in found.gaps}
    assert not asked["camera"].outer
    assert {"brightness", "contrast"} & set(asked), "light was asked too"
    assert all(each.subgroups.measure == "mean IoU" for each in found.gaps)
    assert not found.serious
    value = json.loads(run.audit.read_text())
    assert len(value["gaps"]) == len(found.gaps) == len(found.said)
    page = run.audit_page.read_text()
    assert "By column and by property" in page
    assert "camera" in page
    only = audit(run.folder, by="camera")
    assert [each.subgroups.column for each in only.gaps] == ["camera"]


def test_a_gap_that_is_more_than_chance_is_a_warning(run, monkeypatch):
    import headstart.auditing.gaps as module

    real = module.by_subgroup

    def sure(*args, **options):
        one = real(*args, **options)
        return one.__class__(**{**vars(one), "p_value": 0.001, "gap": raised(one.gap)})

    def raised(gap):
        return gap.__class__(0.2, 0.1, 0.3, gap.n, gap.method)

    monkeypatch.setattr(module, "by_subgroup", sure)
    found = audit_gaps(run, ["camera"], Compute(), name="run", unnamed=False)
    (gap,) = found.gaps
    assert gap.verdict == "warning"
    assert "more than chance" in gap.claim
    assert found.said[0].remedy.startswith("Gather more images of camera")


def test_what_cannot_be_asked_is_one_line(run):
    with pytest.raises(DataError, match="--by nose"):
        audit(run.folder, by="nose")
    for options in ({"corruptions": True}, {"repair": "camera", "out": "x"}):
        with pytest.raises(OptionError, match="this run is of segmentation"):
            audit(run.folder, **options)
