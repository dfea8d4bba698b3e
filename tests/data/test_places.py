"""Boxes or masks, whichever data hold, and what is said where the other kind was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from headstart.data.places import open_places
from headstart.data.reading import NothingDrawn
from headstart.data.tables.roles import Columns
from headstart.errors import DataError

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox>"


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    for name in "abc":
        Image.new("RGB", (12, 12)).save(tmp_path / "images" / f"{name}.png")
    return tmp_path


def xml(folder):
    (folder / "Annotations").mkdir()
    for name in "abc":
        text = f"<annotation><object><name>cat</name>{BOX}</object></annotation>"
        (folder / "Annotations" / f"{name}.xml").write_text(text)
    return folder


def table(folder):
    rows = "".join(f"images/{name}.png,cat,1,2,9,8\n" for name in "abc")
    (folder / "boxes.csv").write_text("image,label,xmin,ymin,xmax,ymax\n" + rows)
    return folder / "boxes.csv"


def masks(folder):
    (folder / "masks").mkdir()
    for name in "abc":
        mask = np.zeros((12, 12), np.uint8)
        mask[2:6, 3:9] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    ("write", "own", "other"),
    [
        (xml, "detection", "segmentation"),
        (table, "detection", "segmentation"),
        (masks, "segmentation", "detection"),
    ],
)
def test_who_asks_for_the_other_kind_is_told_what_is_there(images, write, own, other):
    path = write(images)
    for task in ("auto", own):
        found, _ = open_places(path, Columns(), task=task)
        assert found is not None
        assert found.task == own
    with pytest.raises(DataError, match=rf"holds (boxes|masks) and no .*--task {own}'") as told:
        open_places(path, Columns(), task=other)
    assert not isinstance(told.value, NothingDrawn)


def test_where_nothing_is_drawn_it_is_as_each_reader_says(images):
    assert open_places(images, Columns(), task="auto") == (None, "")
    assert open_places(images, Columns(), task="classification") == (None, "")
    for task, words in (("detection", "no boxes"), ("segmentation", "no masks")):
        with pytest.raises(NothingDrawn, match=f"holds {words}: give"):
            open_places(images, Columns(), task=task)
