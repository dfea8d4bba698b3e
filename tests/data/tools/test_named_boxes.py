"""Boxes by the names of images, as Kvasir-SEG has them."""

from __future__ import annotations

import json

import pytest
from tests.data.boxed_sets import BOXES, SIZE, pictures
from tests.data.drawn_sets import folder

from headstart.data.open import open_dataset
from headstart.data.tools.named_boxes import has_named_boxes, read_named_boxes
from headstart.errors import DataError


def records(boxes):
    keys = ("label", "xmin", "ymin", "xmax", "ymax")
    return [dict(zip(keys, each, strict=True)) for each in boxes]


@pytest.mark.parametrize("wrapped", [True, False])
def test_they_are_read_with_what_is_empty(tmp_path, wrapped):
    pictures(tmp_path)
    size = {"width": SIZE[0], "height": SIZE[1]}
    content = {n: size | {"bbox": records(b)} if wrapped else records(b) for n, b in BOXES.items()}
    (tmp_path / "bboxes.json").write_text(json.dumps(content))
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == "detection"
    assert dataset.labels.counts.tolist() == [2, 1, 0, 3]
    assert dataset.labels.corners[0].tolist() == [4, 6, 24, 26]
    assert dataset.reading["files"] == "bboxes.json (4 images), xmin, ymin, xmax, ymax in pixels"


def test_beside_masks_one_is_to_be_named(tmp_path):
    folder(tmp_path)
    content = {str(n): {"bbox": records([("polyp", 1, 1, 9, 9)])} for n in range(4)}
    (tmp_path / "kavsir_bboxes.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="--task detection or --task segmentation"):
        open_dataset(tmp_path, task="auto")
    assert len(open_dataset(tmp_path, task="detection")) == 4, "and no mask among them"
    assert open_dataset(tmp_path, task="segmentation").labels.known.all()


def test_other_json_is_none(tmp_path):
    for other in ([], {}, {"a": "cat"}, {"a": {"bbox": [[1, 2, 3, 4]]}}, {"a": {"bbox": []}}):
        assert not has_named_boxes(other)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="lists no corners"):
        read_named_boxes(tmp_path / "x.json")
