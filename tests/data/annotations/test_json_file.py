"""JSON that cannot be read is named."""

from __future__ import annotations

import pytest

from headstart.data.annotations.json_file import json_of
from headstart.errors import DataError


def test_what_is_no_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("[1, 2]")
    assert json_of(tmp_path / "a.json") == [1, 2]
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(DataError, match=r"b\.json is not readable JSON"):
        json_of(tmp_path / "b.json")
    with pytest.raises(DataError, match="cannot read"):
        json_of(tmp_path / "c.json")
