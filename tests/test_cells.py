from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.cells import csv_cell, csv_name


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("plain", "plain"), ("", ""), ("a=b", "a=b"), ("'quoted'", "'quoted'"),
        ("=1+1", "'=1+1"), ("+x", "'+x"), ("-x", "'-x"), ("@SUM", "'@SUM"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("\uff1dx", "'\uff1dx"), ("'=x", "''=x"), ("-1.5", "-1.5"), ("+2", "+2"),
        ("-nan", "'-nan"), ("-1+1", "'-1+1"),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula_and_gives_its_name_back(name, cell):
    assert csv_cell(name) == cell
    assert csv_name(cell) == name


@given(st.text("'=+-@\t\r1a", max_size=6))
def test_every_name_comes_back_from_its_cell(name):
    assert csv_name(csv_cell(name)) == name
