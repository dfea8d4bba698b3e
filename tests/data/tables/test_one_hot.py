"""Classes written as a column each."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.drawn_sets import noise, write

from headstart.data.open import open_dataset
from headstart.data.tables.one_hot import one_hot_classes
from headstart.data.tables.tables import Table


def table(**columns):
    return Table(Path("x.csv"), {name: list(cells) for name, cells in columns.items()})


def test_exactly_one_of_three_columns_is_the_class():
    names, told = one_hot_classes(table(image="ab1", a="100", b="010", c="001"), {"image"})
    assert names == ("a", "b", "c")
    assert told == ["a", "b", "c"]


@pytest.mark.parametrize(
    "columns",
    [
        {"a": "10", "b": "01"},  # two questions may exclude each other by chance
        {"a": "110", "b": "010", "c": "001"},  # several labels on one image
        {"a": "100", "b": "000", "c": "001"},  # none
        {"a": "102", "b": "010", "c": "001"},
        {"a": "11", "b": "00", "c": "00"},
    ],
)
def test_other_columns_are_none(columns):
    assert one_hot_classes(table(**columns), set()) == ((), [])


def test_a_table_is_read_so_and_that_is_said(tmp_path):
    for stem in "abc":
        write(tmp_path / f"images/{stem}.jpg", noise(ord(stem)))
    rows = ["image,MEL,NV,BCC", "a,1.0,0.0,0.0", "b,0.0,1.0,0.0", "c,0.0,0.0,1.0"]
    (tmp_path / "truth.csv").write_text("\n".join(rows))
    dataset = open_dataset(tmp_path, task="auto")
    assert [dataset.labels.text(i) for i in range(3)] == ["MEL", "NV", "BCC"]
    assert dataset.reading["labels"].startswith("columns MEL, NV, BCC, of which one is 1")
    assert not dataset.attributes
    one = open_dataset(tmp_path / "truth.csv", task="auto", label="NV")
    assert [one.labels.text(i) for i in range(3)] == ["0.0", "1.0", "0.0"]


def test_a_class_of_which_there_is_none_is_no_hindrance():
    given = table(a="100", b="010", c="001", unknown="000")
    assert one_hot_classes(given, set())[1] == ["a", "b", "c"]
    assert one_hot_classes(table(a="101", b="010", c="000"), set())[0] == ()
