"""Files of annotation tools: which they are, and which files are passed over."""

from __future__ import annotations

import pytest
from tests.data.tool_sets import cvat, rect, via

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.tool_files import read_tool_file, tool_files, tool_of
from headstart.errors import DataError


def test_the_tool_is_told_by_what_is_in_the_file(tmp_path):
    cvat(tmp_path)
    via(tmp_path, [[rect("cat", 1, 1, 2, 2)]])
    (tmp_path / "voc.xml").write_text("<annotation><object/></annotation>")
    (tmp_path / "a.csv").write_text("filename,label\na.png,cat\n")
    assert [p.name for p in tool_files(scan(tmp_path))] == ["annotations.xml", "via.json"]
    assert tool_of(tmp_path / "voc.xml") == ""
    assert len(read_tool_file(tmp_path / "annotations.xml")) == 3
    assert len(read_tool_file(tmp_path / "via.json")) == 1


def test_two_of_them_are_refused_and_one_can_be_named(tmp_path):
    cvat(tmp_path)
    via(tmp_path, [[rect("cat", 1, 1, 2, 2)]])
    with pytest.raises(DataError, match="--annotations"):
        open_dataset(tmp_path, task="auto")
    named = open_dataset(tmp_path, task="detection", annotations=tmp_path / "annotations.xml")
    assert named.reading["files"] == "annotations.xml (CVAT)"
