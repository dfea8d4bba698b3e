"""Names of YOLO's classes: lists, YAML in both forms, two that contradict each other."""

from __future__ import annotations

import json

import pytest
from tests.data.boxed_sets import picture, yolo

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.yolo_names import yolo_names
from headstart.errors import DataError


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names: [cat, dog]"),
        ("dataset.yml", "path: ..\nnames:\n  0: cat\n  1: dog\n"),
        ("classes.txt", "cat\ndog\n\n"),
        ("darknet/obj.names", "cat\r\ndog"),
        ("notes.json", json.dumps({"categories": [{"id": 0, "name": "cat"},
                                                  {"id": 1, "name": "dog"}]})),
    ],
)  # fmt: skip
def test_every_way_of_naming_them(tmp_path, file, text):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    found = yolo_names(scan(tmp_path))
    assert found.names == {0: "cat", 1: "dog"}
    assert found.said == f"classes named by {file}"


def test_two_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cat, dog]")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert yolo_names(scan(tmp_path)).names
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    with pytest.raises(DataError, match=r"classes\.txt and data\.yaml .*differently"):
        yolo_names(scan(tmp_path))


def test_yaml_of_something_else_and_torn_yaml(tmp_path):
    (tmp_path / "hyp.yaml").write_text("lr: 0.1\nnames: many\n")
    assert yolo_names(scan(tmp_path)).names == {}
    (tmp_path / "hyp.yaml").write_text("names: [cat")
    with pytest.raises(DataError, match="not readable YAML"):
        yolo_names(scan(tmp_path))


def test_folders_of_splits_that_only_the_yaml_tells(tmp_path):
    yolo(tmp_path)
    for stem, folder in zip("abcd", ("north", "north", "south", "south"), strict=True):
        picture(tmp_path / f"images/{folder}/{stem}.jpg")
        (tmp_path / f"images/{stem}.jpg").unlink()
    (tmp_path / "data.yaml").write_text(
        "train: ../images/north\nval: ./images/south/\nnames: [cat, dog]"
    )
    dataset = open_dataset(tmp_path, task="detection")
    assert dataset.splits.tolist() == ["train", "train", "val", "val"]
    assert "by data.yaml" in dataset.reading["splits"]
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [cat, dog]")
    assert set(open_dataset(tmp_path, task="detection").splits.tolist()) == {""}
