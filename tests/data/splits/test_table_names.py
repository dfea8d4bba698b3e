"""Tables that are called like splits."""

from __future__ import annotations

from pathlib import Path

from headstart.data.splits.table_names import split_tables


def test_tables_of_splits_are_told_by_their_names():
    assert set(split_tables([Path("train.csv"), Path("valid.csv")])) == {"train", "val"}
    assert split_tables([Path("train_a.csv"), Path("train_b.csv")]) == {}
    only = split_tables([Path("test/a.csv"), Path("test/train.csv")])
    assert only == {"train": Path("test/train.csv")}
