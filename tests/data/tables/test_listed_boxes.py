"""Boxes one after the other in a cell, as Kaggle's tables of ImageNet have them."""

from __future__ import annotations

import pytest
from PIL import Image

from headstart.data.open import open_dataset
from headstart.data.tables.listed_boxes import listed_boxes, spread_boxes, with_class_of_boxes
from headstart.data.tables.tables import Table

CELLS = ["n01 5 3 20 30 n01 1 1 12 9 ", "n02 0.5 3 9 9", ""]


def table(*cells):
    names = [f"val_{n}" for n in range(len(cells))]
    return {"ImageId": names, "PredictionString": list(cells)}


def test_each_box_gets_a_row_and_an_image_without_one_stays(tmp_path):
    found = Table(tmp_path, table(*CELLS))
    assert listed_boxes(found) == "PredictionString"
    assert spread_boxes(found, "PredictionString").columns == {
        "ImageId": ["val_0", "val_0", "val_1", "val_2"],
        "label": ["n01", "n01", "n02", ""],
        "xmin": ["5", "1", "0.5", ""],
        "ymin": ["3", "1", "3", ""],
        "xmax": ["20", "12", "9", ""],
        "ymax": ["30", "9", "9", ""],
    }
    assert with_class_of_boxes(found).columns["PredictionString"] == ["n01", "n02", ""]


@pytest.mark.parametrize("cells", [["a 1 2 3"], ["1 2 3 4 5"], ["a dog", "b"], ["", ""]])
def test_other_cells_are_left_alone(tmp_path, cells):
    found = Table(tmp_path, table(*cells))
    assert listed_boxes(found) is None
    assert with_class_of_boxes(found) is found


def test_an_image_of_two_classes_has_none(tmp_path):
    found = Table(tmp_path, table("n01 5 3 20 30 n02 1 1 12 9"))
    assert with_class_of_boxes(found) is found


def test_kaggles_imagenet_is_read_as_boxes_and_as_classes(tmp_path):
    (tmp_path / "val").mkdir()
    lines = ["ImageId,PredictionString"]
    for n in range(6):
        Image.new("RGB", (40, 40), (n, 0, 0)).save(tmp_path / "val" / f"val_{n}.JPEG")
        lines.append(f"val_{n},n0{n % 2} 5 3 20 30 n0{n % 2} 1 1 12 9 ")
    (tmp_path / "LOC_val_solution.csv").write_text("\n".join(lines))
    boxes = open_dataset(tmp_path, task="auto")
    assert boxes.task == "detection"
    assert boxes.reading["labels"] == "12 boxes on 6 images (n00 6, n01 6)"
    assert "left, top, right, bottom" in boxes.reading["files"]
    classes = open_dataset(tmp_path, task="classification")
    assert classes.labels.names == ("n00", "n01")
    assert classes.labelled.all()
