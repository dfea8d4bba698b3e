"""Several tables of boxes: which they are, and that each is a split."""

from __future__ import annotations

import pytest
from tests.data.boxed_sets import pictures

from headstart.data.boxes.split_tables import read_box_tables, tables_of_boxes
from headstart.data.files.scan import scan
from headstart.data.tables.roles import Columns
from headstart.errors import DataError

HEAD = "image,xmin,ymin,xmax,ymax,label"


def written(root, **tables):
    pictures(root)
    for name, lines in tables.items():
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return scan(root)


def test_each_table_is_a_split_and_an_image_is_in_one(tmp_path):
    tree = written(
        tmp_path, train=[HEAD, "a.jpg,1,2,9,9,cat", "b.jpg,1,2,9,9,cat"],
        test=[HEAD, "b.jpg,1,2,9,9,cat", "d.jpg,1,2,9,9,dog"],
    )  # fmt: skip
    paths = tables_of_boxes(tree, sure=False, told=False)
    notes = read_box_tables(paths, tree, Columns())
    assert {name: each.split for name, each in notes.images.items()} == {
        "a.jpg": "train", "b.jpg": "test", "d.jpg": "test",
    }  # fmt: skip
    assert notes.set_aside == (("b.jpg", "in train.csv too; not used from there"),)


def test_tables_that_hold_boxes_differently_are_refused(tmp_path):
    tree = written(
        tmp_path, train=[HEAD, "a.jpg,1,2,9,9,cat"],
        test=["image,x,y,width,height,label", "b.jpg,1,2,9,9,cat", "b.jpg,3,3,5,5,cat"],
    )  # fmt: skip
    with pytest.raises(DataError, match="in different ways"):
        read_box_tables([tmp_path / "train.csv", tmp_path / "test.csv"], tree, Columns())
