"""Files found by the names that tables have for them."""

from __future__ import annotations

import pytest

from headstart.data.tables.named_files import NamedFiles, lowered


@pytest.mark.parametrize("cell", ["b/x.jpg", "b/x", "./b/x.jpg"])
def test_files_are_found_with_and_without_their_ending(tmp_path, cell):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.jpg").write_bytes(b"")
    assert NamedFiles().find(str(tmp_path), cell) == [str(tmp_path / "b/x.jpg")]


def test_letters_of_another_case_are_found_only_where_asked(tmp_path):
    (tmp_path / "X.JPG").write_bytes(b"")
    files = NamedFiles()
    assert files.find_by(lowered, str(tmp_path), "x.jpg") == [str(tmp_path / "X.JPG")]
    assert files.find(str(tmp_path), "y") == []


def test_two_files_of_one_stem_are_both_given(tmp_path):
    for ending in ("jpg", "png"):
        (tmp_path / f"x.{ending}").write_bytes(b"")
    assert len(NamedFiles().find(str(tmp_path), "x")) == 2


def test_folders_two_levels_deep(tmp_path):
    (tmp_path / "a/b/c").mkdir(parents=True)
    found = NamedFiles().folders_below(str(tmp_path))
    assert found == [str(tmp_path / "a"), str(tmp_path / "a/b")]
