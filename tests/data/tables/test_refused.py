"""Tables of pairs and of pixels are refused with what to write instead."""

from __future__ import annotations

import pytest

from headstart.data.tables.refused import refuse_pairs, refuse_pixels
from headstart.data.tables.tables import Table
from headstart.errors import DataError


@pytest.mark.parametrize(
    "columns",
    [{"emotion": ["1"], "pixels": [" ".join(["70"] * 48)], "Usage": ["Training"]},
     {"label": ["1"]} | {f"pixel{n}": ["0"] for n in range(16)}],
)  # fmt: skip
def test_pixels_in_a_table_are_told(tmp_path, columns):
    with pytest.raises(DataError, match="holds the pixels of images themselves"):
        refuse_pixels(Table(tmp_path / "t.csv", columns), list(columns))


def test_numbers_that_are_no_pixels_are_left_alone(tmp_path):
    columns = {"file": ["a.jpg"], "pixel": ["12"], "box": ["1 2 3 4"]}
    refuse_pixels(Table(tmp_path / "t.csv", columns), list(columns))


def test_pairs_are_refused_and_other_files_are_not(tmp_path):
    table = Table(tmp_path / "t.csv", {"image1": ["a.jpg"], "image2": ["b.jpg"], "mask": ["c.png"]})
    with pytest.raises(DataError, match="names two images"):
        refuse_pairs(table, ["image1", "image2"])
    refuse_pairs(table, ["image1", "mask"])
