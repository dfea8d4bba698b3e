"""Columns that say yes or no to a split."""

from __future__ import annotations

import pytest
from tests.data.listed_sets import tabled

from headstart.data.open import open_dataset
from headstart.data.splits.split_flags import flag_split, holds_flags, splits_of_flags


@pytest.mark.parametrize(
    ("name", "kind"),
    [("is_valid", "val"), ("isTest", "test"), ("is train", "train"), ("in_test", "test"),
     ("is_cat", None), ("test", None)],
)  # fmt: skip
def test_a_column_is_of_a_split_by_its_name(name, kind):
    assert flag_split(name) == kind


def test_it_has_to_say_both_yes_and_no_and_nothing_else():
    assert holds_flags("is_valid", ["True", "False", "True"])
    assert not holds_flags("is_valid", ["0", "0"])
    assert not holds_flags("is_valid", ["0", "1", "2"])
    assert splits_of_flags("is_train", ["1", "0"]) == ["train", "test"]


@pytest.mark.parametrize("asked", [None, "is_valid"])
def test_a_table_with_it_has_its_split_and_says_so(tmp_path, asked):
    rows = ["path,label,is_valid", *(f"im{n}.jpg,{'ab'[n % 2]},{n % 3 == 0}" for n in range(6))]
    dataset = open_dataset(tabled(tmp_path, rows), split=asked)
    assert dataset.splits.tolist() == ["val", "train", "train"] * 2
    assert asked or dataset.reading["splits"] == "column is_valid (yes is val)"
