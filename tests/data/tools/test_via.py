"""VIA: exports, projects and tables; which attribute is the class."""

from __future__ import annotations

import csv
import json

import pytest
from tests.data.tool_sets import rect, via

from headstart.data.open import open_dataset
from headstart.data.tools.via import is_via, read_via
from headstart.errors import DataError

ROUND = {
    "shape_attributes": {"name": "circle", "cx": 5, "cy": 5, "r": 3},
    "region_attributes": {"kind": "cell"},
}


@pytest.mark.parametrize("project", [False, True])
def test_boxes_of_an_export_and_of_a_project(tmp_path, project):
    via(tmp_path, [[rect("cat", 1, 2, 4, 5)], []], project=project)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == "detection"
    assert dataset.labels.corners.tolist() == [[1, 2, 5, 7]]
    assert dataset.labels.text(1) == "no object"


def test_a_table_says_the_same(tmp_path):
    via(tmp_path, [[rect("cat", 1, 2, 4, 5), rect("dog", 0, 0, 2, 2)], []])
    given = json.loads((tmp_path / "via.json").read_text())
    (tmp_path / "via.json").unlink()
    with open(tmp_path / "via.csv", "w", newline="") as stream:
        write = csv.writer(stream)
        write.writerow(["filename", "region_id", "region_shape_attributes", "region_attributes"])
        for each in given.values():
            for region in each["regions"] or [{"shape_attributes": {}, "region_attributes": {}}]:
                cells = (region["shape_attributes"], region["region_attributes"])
                write.writerow([each["filename"], 0, *map(json.dumps, cells)])
    dataset = open_dataset(tmp_path, task="auto")
    assert [dataset.labels.text(i) for i in range(2)] == ["cat 1, dog 1", "no object"]
    assert dataset.reading["files"] == "via.csv (VIA)"


def test_circles_are_masks(tmp_path):
    via(tmp_path, [[ROUND], []])
    mask = open_dataset(tmp_path, task="auto").labels.sources[0].read()
    assert 24 <= (mask == 1).sum() <= 32


def test_the_class_is_the_attribute_called_so_or_none_is_taken(tmp_path):
    two = {"class": "cat", "colour": "red"}
    assert (
        open_dataset(via(tmp_path, [[rect(two, 1, 1, 3, 3)]]), task="detection").labels.text(0)
        == "cat 1"
    )
    via(tmp_path, [[rect({"kind_of": "cat", "colour": "red"}, 1, 1, 3, 3)]])
    with pytest.raises(DataError, match=r"several attributes \(colour, kind_of\)"):
        open_dataset(tmp_path, task="detection")
    via(tmp_path, [[rect({"type": {"cat": True}}, 1, 1, 3, 3)]])
    assert read_via(tmp_path / "via.json")[0].outlines[0].label == "cat"
    via(tmp_path, [[rect({}, 1, 1, 3, 3)]])
    assert read_via(tmp_path / "via.json")[0].outlines[0].label == "object"


def test_other_json_is_none_and_damaged_regions_are_named(tmp_path):
    (tmp_path / "x.json").write_text('{"shape_attributes": 1}')
    assert not is_via(tmp_path / "x.json")
    assert not is_via(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="no file of VIA"):
        read_via(tmp_path / "x.json")
    broken = rect("cat", 1, 1, 2, 2)
    del broken["shape_attributes"]["width"]
    via(tmp_path, [[broken]])
    with pytest.raises(DataError, match=r"via.json: a region in it cannot be understood"):
        read_via(tmp_path / "via.json")
