"""Tables of images: delimiters, paths, splits, and what is wrong with them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.labels import class_labels
from headstart.data.open import open_dataset
from headstart.data.tables.tables import read_table
from headstart.data.words import normal, split_name
from headstart.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("1.jpg", "2.jpg", "sub/3.jpg", "sub/4.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    data = text.encode() if isinstance(text, str) else text
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_dialects(folder, delimiter, encoding, end):
    rows = ["Path,Class,Split,person", "2.jpg,café,Training,p", '1.jpg,"b",validation,q', ""]
    path = write(folder, end.join(rows).replace(",", delimiter).encode(encoding))
    got = open_dataset(path, group="person")
    assert got.names == ("1.jpg", "2.jpg")
    assert got.labels.names == ("b", "café")
    assert got.labels.targets.tolist() == [0, 1]
    assert got.splits.tolist() == ["val", "train"]
    assert got.groups.tolist() == ["q", "p"]
    assert got.source == "table"
    assert list(got.attributes) == ["person"]


def test_windows_slashes_and_absolute_paths(folder):
    path = write(folder, f"file,label\nsub\\3.jpg,a\n{folder}/1.jpg,b\n./2.jpg,a\n")
    got = open_dataset(path)
    assert got.names == ("1.jpg", "2.jpg", "sub/3.jpg")
    assert got.root == folder


def test_files_outside_the_folder_of_the_table(folder):
    (folder / "tables").mkdir()
    path = write(folder / "tables", "file,label\n../1.jpg,a\n../sub/3.jpg,b\n")
    got = open_dataset(path)
    assert got.root.resolve() == folder.resolve()
    assert got.names == ("1.jpg", "sub/3.jpg")
    assert got.path(1).read_text() == "x"


def test_relative_path_of_the_table(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write(folder, "file,label\n1.jpg,a\nsub/3.jpg,b\n")
    got = open_dataset("t.csv")
    assert got.names == ("1.jpg", "sub/3.jpg")
    assert got.path(0).is_file()
    write(folder, f"file,label\n{folder}/1.jpg,a\n{folder}/sub/3.jpg,b\n")
    got = open_dataset("t.csv")
    assert got.names == ("1.jpg", "sub/3.jpg")
    assert got.path(1).is_file()


def test_files_in_a_folder_beside_the_table(folder):
    got = open_dataset(write(folder, "file,label\n3.jpg,a\n4.jpg,b\n"))
    assert got.names == ("sub/3.jpg", "sub/4.jpg")


def test_without_labels_everything_is_unlabelled(folder):
    got = open_dataset(write(folder, "file,age\n1.jpg,3\n2.jpg,4\n"))
    assert not got.labelled.any()
    assert got.attributes["age"].tolist() == ["3", "4"]
    got = open_dataset(folder / "t.csv", label="age")
    assert got.labels.names == ("3", "4")


def test_an_empty_label_is_unknown(folder):
    got = open_dataset(write(folder, "file,label\n1.jpg,a\n2.jpg,\n"))
    assert got.labels.targets.tolist() == [0, -1]


def test_missing_files_are_set_aside_by_name(folder):
    got = open_dataset(write(folder, "file,label\n1.jpg,a\n2.jpg,b\ngone.jpg,a\n,b\n"))
    assert len(got) == 2
    assert dict(got.set_aside) == {
        "gone.jpg": "named in the table, but not there",
        "t.csv, row 5": "it names no file",
    }


@pytest.mark.parametrize("rows", ["x.jpg,a\n", "1.jpg,a\nx.jpg,a\ny.jpg,b\n"])
def test_mostly_missing_files_are_an_error(folder, rows):
    with pytest.raises(DataError, match=r"of \d files named in .* are not there, such as x.jpg"):
        open_dataset(write(folder, "file,label\n" + rows))


def test_rows_twice(folder):
    got = open_dataset(write(folder, "file,label\n1.jpg,a\n1.jpg,a\n2.jpg,b\n2.jpg,c\nsub/3.jpg,c"))
    assert got.names == ("1.jpg", "sub/3.jpg")
    assert "twice" in dict(got.set_aside)["1.jpg"]
    assert "disagree" in dict(got.set_aside)["2.jpg"]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("", {}, "empty"),
        ("file,label\n", {}, "no rows"),
        ("a,b\n7.jpg,x\n", {}, "no column .* names image files that are there; .*: a, b"),
        ("file,label\n1.jpg,x\n", {"label": "kind"}, "no column 'kind' .*: file, label"),
        ("file,file\n1.jpg,x\n", {}, "two columns"),
        ("file,label\n1.jpg,x,y\n", {}, "row 2: 3 cells under 2"),
        ("file,when\n1.jpg,later\n", {"split": "when"}, "unknown split 'later'"),
    ],
)
def test_what_is_wrong(folder, text, options, reason):
    with pytest.raises(DataError, match=reason):
        open_dataset(write(folder, text), **options)


def test_a_column_that_is_only_called_split_stays_an_attribute(folder):
    got = open_dataset(write(folder, "file,label,split\n1.jpg,a,left\n2.jpg,b,right\n"))
    assert got.splits.tolist() == ["", ""]
    assert got.attributes["split"].tolist() == ["left", "right"]


def test_parquet(folder):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"file": ["2.jpg", "1.jpg"], "label": [7, None], "x": [1.5, 2.5]})
    pq.write_table(table, folder / "t.parquet")
    got = open_dataset(folder / "t.parquet")
    assert got.names == ("1.jpg", "2.jpg")
    assert got.labels.names == ("7",)
    assert got.labels.targets.tolist() == [-1, 0]
    assert got.attributes["x"].tolist() == ["2.5", "1.5"]
    (folder / "bad.parquet").write_text("no")
    with pytest.raises(DataError, match="Parquet"):
        open_dataset(folder / "bad.parquet")


def test_images_inside_parquet_are_refused(folder):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"image": [{"bytes": b"x"}], "label": ["a"]}), folder / "t.parquet")
    with pytest.raises(DataError, match="holds the images themselves"):
        open_dataset(folder / "t.parquet")


def test_short_rows_and_unnamed_columns(folder):
    got = read_table(write(folder, ",file,label\n0,1.jpg,a\n1,2.jpg\n"))
    assert got.columns == {"unnamed": ["0", "1"], "file": ["1.jpg", "2.jpg"], "label": ["a", ""]}


def test_many_rows_list_their_folder_once(tmp_path, monkeypatch):
    for i in range(300):
        (tmp_path / f"{i}.jpg").touch()
    rows = "".join(f"{i}.jpg,{i % 7}\n" for i in range(300))
    table = write(tmp_path, "file,label\n" + rows)
    asked = []
    for name in ("scandir", "listdir", "stat", "lstat"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, **k: (asked.append(a), real(*a, **k))[1]
        )
    assert len(open_dataset(table)) == 300
    assert len(asked) < 3 * 300


# --- as text ------------------------------------------------------------------------------------

CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), max_size=6
)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_what_csv_writes_is_read_again(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("file", "kind", "größe"), *rows])
    table = read_table(path)
    assert list(table.columns) == ["file", "kind", "größe"]
    there = [tuple(normal(cell) for cell in row) for row in rows]
    assert list(zip(*table.columns.values(), strict=True)) == there


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a\n1\n2\n", {"a": ["1", "2"]}),
        ("\n\na,b\n\n1,2\n\n", {"a": ["1"], "b": ["2"]}),
        (" a , b \n 1 , 2 \n", {"a": ["1"], "b": ["2"]}),
        ('a,b\n"x,y","line\nbreak"\n', {"a": ["x,y"], "b": ["line\nbreak"]}),
        ("a,b\n1\n", {"a": ["1"], "b": [""]}),
        ("a,b\n1,2,,\n", {"a": ["1"], "b": ["2"]}),
        ("a,,\n1,2,3\n", {"a": ["1"], "unnamed": ["2"]}),
        ("a;b,c\n1;2,3\n", {"a;b": ["1;2"], "c": ["3"]}),
        ("a,b", {"a": [], "b": []}),
    ],
)
def test_odd_tables(tmp_path, text, columns):
    assert read_table(write(tmp_path, text)).columns == columns


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"   \n"])
def test_tables_without_anything(tmp_path, content):
    with pytest.raises(DataError, match=r"t\.csv (is empty|has)|no column"):
        open_dataset(write(tmp_path, content))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone\.csv: No such file"):
        read_table(tmp_path / "gone.csv")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"file,label\n", bytes(300)])
def test_what_is_no_parquet(tmp_path, content):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match=r"t\.parquet is not a readable Parquet file") as caught:
        read_table(write(tmp_path, content, "t.parquet"))
    assert "\n" not in str(caught.value)


def test_cells_of_parquet_become_text(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    columns = {"n": [1, None, 3], "x": [0.5, None, 2.0], "yes": [True, False, None],
               "list": [[1], [], None]}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").columns == {
        "n": ["1", "", "3"],
        "x": ["0.5", "", "2.0"],
        "yes": ["True", "False", ""],
    }


@pytest.mark.parametrize("text", ["Train", " TRAINING ", "val", "Valid", "dev", "TEST", "testing"])
def test_spellings_of_splits(text):
    assert split_name(text) in ("train", "val", "test")


@pytest.mark.parametrize("text", ["", "trainset", "0", "holdout", "te st"])
def test_what_is_no_split(text):
    assert split_name(text) is None


@given(st.lists(st.text("abé", max_size=2), max_size=12))
def test_classes_are_sorted_and_targets_point_at_them(labels):
    found = class_labels(labels)
    assert list(found.names) == sorted(set(labels) - {""})
    assert found.targets.dtype == np.int64
    assert [found.text(i) for i in range(len(found))] == labels


def test_guessing_a_column_minds_no_case(tmp_path):
    table = read_table(write(tmp_path, "Label,FILE,file\nx,1,2\n"))
    assert table.guess(("path", "file")) == "FILE"  # the first of equals
    assert table.guess(("label",)) == "Label"
    assert table.guess(("kind",)) is None
    with pytest.raises(DataError, match=r"no column 'kind' in .*its columns are: Label, FILE"):
        table.column("kind")


def test_many_clashes_are_an_error_and_few_are_not(folder):
    for at in range(20):
        (folder / f"p{at}.jpg").write_text("x")
    rows = [f"p{at}.jpg,a" for at in range(20)]
    few = write(folder, "\n".join(["file,label", *rows, *(f"p{at}.jpg,b" for at in range(5))]))
    assert len(open_dataset(few)) == 15
    many = write(folder, "\n".join(["file,label", *rows, *(f"p{at}.jpg,b" for at in range(6))]))
    with pytest.raises(DataError, match=r"6 files of .* have several labels, such as p0\.jpg"):
        open_dataset(many)


def test_a_file_without_a_header_is_given_one(tmp_path):
    (tmp_path / "x.csv").write_text("a.jpg,3,3\nb.jpg,4,5\n")
    found = read_table(tmp_path / "x.csv", ("file", "first", "second"))
    assert found.columns == {"file": ["a.jpg", "b.jpg"], "first": ["3", "4"], "second": ["3", "5"]}


def test_lines_of_json_are_a_table(tmp_path):
    path = tmp_path / "metadata.jsonl"
    path.write_text('{"file_name": "a.jpg", "label": 1}\n\n{"file_name": "b.jpg", "box": [1]}\n')
    assert read_table(path).columns == {"file_name": ["a.jpg", "b.jpg"], "label": ["1", ""]}


@pytest.mark.parametrize(
    ("text", "why"), [("", "is empty"), ("{1\n", "line 1 is not readable"), ("[1]", "is no record")]
)
def test_lines_that_are_no_records_are_refused(tmp_path, text, why):
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(DataError, match=why):
        read_table(tmp_path / "t.jsonl")


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("alone", [True, False])
def test_a_title_above_the_names_of_columns_is_refused(tmp_path, sign, alone):
    path = tmp_path / "export.csv"
    title = "Study 7" if alone else f"Study 7{sign}{sign}"
    rows = [title, f"file{sign}label{sign}site", *(f"{n}.jpg{sign}a{sign}x" for n in range(4))]
    path.write_text("\n".join(rows))
    with pytest.raises(DataError, match=r"first row of .* one cell \('Study 7'\)|column names"):
        read_table(path)


def test_a_column_alone_and_an_index_without_a_name_are_no_title(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("file\na.jpg\nb.jpg\n")
    assert list(read_table(path).columns) == ["file"]
    path.write_text(",file\n0,a.jpg\n1,b.jpg\n")
    assert read_table(path).columns == {"unnamed": ["0", "1"], "file": ["a.jpg", "b.jpg"]}


def test_empty_rows_at_the_end_are_nothing_to_be_told(folder):
    dataset = open_dataset(write(folder, "file,label,\n1.jpg,x,\n2.jpg,y,\n,,\n,,\n"))
    assert len(dataset) == 2
    assert dataset.set_aside == ()
