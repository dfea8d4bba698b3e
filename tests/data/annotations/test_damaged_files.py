"""Files that say nothing are named beside those that were read."""

from __future__ import annotations

import pytest
from tests.data.drawn_sets import folder

from headstart.data.annotations.damaged_files import damaged_files
from headstart.data.open import open_dataset


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"), (" \n", "an empty file"), ("{}", "an empty file"),
        ('{"images": [{"id": 1', "cut off"),
    ],
)  # fmt: skip
def test_empty_and_cut_off_files_are_named(tmp_path, text, said):
    folder(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old/val.json").write_text(text)
    (tmp_path / "good.json").write_text('{"a": 1}\n')
    dataset = open_dataset(tmp_path, task="segmentation")
    ((name, why),) = dataset.set_aside
    assert name == "old/val.json"
    assert said in why


def test_what_is_said_already_is_not_said_twice(tmp_path):
    (tmp_path / "a.json").write_text("")
    assert damaged_files(tmp_path, ["x/a.json"]) == []
    assert len(damaged_files(tmp_path, [])) == 1
