"""Tables as data sets: what `tests/data/tables/test_tables.py` leaves open."""

from __future__ import annotations

import pytest

from headstart.data.tables.from_table import open_table, split_column
from headstart.data.tables.roles import Columns
from headstart.errors import DataError


@pytest.fixture
def table(tmp_path):
    (tmp_path / "val").mkdir()
    for name in ("1.jpg", "2.jpg", "2.png", "3.jpg"):
        (tmp_path / "val" / name).touch()

    def write(text, name="val.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def test_how_it_was_read_is_kept(table):
    found = open_table(table("id,label,site\n1,a,x\n3,b,y\n"), Columns(image="id"))
    assert found.names == ("val/1.jpg", "val/3.jpg")
    assert found.reading["files"] == "column id, in val/"
    assert found.reading["labels"] == "column label"
    assert list(found.attributes) == ["site"]


def test_rows_that_may_mean_two_files_are_set_aside(table):
    found = open_table(table("file,label\n1,a\n2,b\n3,b\n"))
    assert found.names == ("val/1.jpg", "val/3.jpg")
    assert found.set_aside == (("val.csv, row 3", "several files fit: 2.jpg, 2.png"),)
    with pytest.raises(DataError, match="names most files without their endings"):
        open_table(table("file,label\n2,b\n"))


def test_labels_of_one_name_are_one_class(table):
    found = open_table(table("file,label\n1.jpg,e\u0301\n3.jpg,\u00e9 \n"))
    assert found.labels.names == ("\u00e9",)


def test_excel_says_what_separates(table):
    assert open_table(table("sep=;\nfile;label\n1.jpg;a,b\n")).labels.names == ("a,b",)


def test_splits_in_their_spellings(tmp_path):
    assert split_column(["Train", "dev", ""], tmp_path).tolist() == ["train", "val", ""]
    with pytest.raises(DataError, match="unknown split 'later'"):
        split_column(["later"], tmp_path)


def test_records_in_the_cells_are_no_classes(table):
    cell = '"[{""x"": 1, ""rectanglelabels"": [""cat""]}]"'
    with pytest.raises(DataError, match="holds records"):
        open_table(table(f"id,label\n1,{cell}\n3,{cell}\n"), Columns(image="id"))


def test_columns_of_boxes_that_are_not_learnt_are_told(tmp_path):
    for n in range(4):
        (tmp_path / f"p{n}.png").write_text("x")
    rows = "".join(f"p{n}.png,1,2,3,4,{n % 2}\n" for n in range(4))
    (tmp_path / "t.csv").write_text("file,x,y,width,height,Target\n" + rows)
    said = open_table(tmp_path / "t.csv").reading["labels"]
    assert said == "column Target, not x, y, width, height (--task detection reads those as boxes)"
