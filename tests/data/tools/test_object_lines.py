"""Boxes in a line for each image, as Hugging Face's folders of images have them."""

from __future__ import annotations

import json

import pytest
from tests.data.boxed_sets import pictures

from headstart.data.open import open_dataset
from headstart.errors import DataError

COLUMNS = {"bbox": [[4, 5, 20, 10], [30, 8, 12, 12]], "categories": ["cat", "dog"]}
RECORDS = [{"bbox": [4, 5, 20, 10], "label": "cat"}, {"bbox": [30, 8, 12, 12], "label": "dog"}]


def lined(root, *objects, folder="train"):
    stems = "abcd"[: len(objects)]
    pictures(root, folder, stems)
    lines = [
        json.dumps({"file_name": f"{stem}.jpg", "text": "x", "objects": each})
        for stem, each in zip(stems, objects, strict=True)
    ]
    (root / folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("given", [COLUMNS, RECORDS], ids=["columns", "records"])
@pytest.mark.parametrize("task", ["auto", "detection"])
def test_boxes_of_lines(tmp_path, given, task):
    dataset = open_dataset(
        lined(tmp_path, given, COLUMNS, {"bbox": [], "categories": []}), task=task
    )
    assert dataset.task == "detection"
    assert dataset.labels.classes.tolist() == [0, 1, 0, 1]
    assert dataset.labels.corners[0].tolist() == [4, 5, 24, 15]
    assert dataset.labelled.all()
    assert set(dataset.splits.tolist()) == {"train"}
    assert "left, top, width, height, in pixels" in dataset.reading["files"]


def test_the_file_itself_may_be_given(tmp_path):
    lined(tmp_path, COLUMNS, COLUMNS)
    dataset = open_dataset(tmp_path / "train/metadata.jsonl", task="detection")
    assert len(dataset) == 2


@pytest.mark.parametrize(
    ("objects", "why"),
    [({"bbox": [[1, 2, 3, 4]], "categories": []}, "1 box and 0 classes"),
     ({"bbox": [[1, 2, 3]], "categories": ["a"]}, "is no box of left"),
     ({"bbox": [[1, 2, 3, 4]], "categories": 3}, "boxes and their classes are lists"),
     ("bbox", "objects is 'bbox'")],
)  # fmt: skip
def test_what_is_no_box_is_refused(tmp_path, objects, why):
    with pytest.raises(DataError, match=rf"line 2: .*{why}"):
        open_dataset(lined(tmp_path, COLUMNS, objects), task="auto")
