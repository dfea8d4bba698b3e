"""What four numbers mean is told by their names, or by all of them together, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.data.tables.box_columns import box_columns, decide_corners
from headstart.data.tables.tables import Table
from headstart.errors import DataError

PATH = Path("boxes.csv")
CORNERS = np.array([[10, 20, 30, 60], [40, 50, 70, 90], [5, 5, 8, 9]], float)
SIZES = np.hstack([CORNERS[:, :2], CORNERS[:, 2:] - CORNERS[:, :2]])
IMAGES = np.full((3, 2), 100)


def columns(*names: str):
    return box_columns(Table(PATH, {name: ["1"] for name in names}))


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("xmin ymin xmax ymax", "corners"), ("XMin XMax YMin YMax", "corners"),
        ("x1 y1 x2 y2", "corners"), ("bbox_x1 bbox_y1 bbox_x2 bbox_y2", "corners"),
        ("left top right bottom", "corners"), ("x_min y_min x_max y_max", "corners"),
        ("x y width height", "sizes"), ("bbox_x bbox_y bbox_width bbox_height", "sizes"),
        ("left top width height", "sizes"), ("x_center y_center width height", "centres"),
        ("cx cy w h", "centres"),
    ],
)  # fmt: skip
def test_usual_names(names, kind):
    found = columns("image", *names.split(), "label")
    assert found.kind == kind
    assert set(found.names) == set(names.split())
    assert columns("image", "width", "height", "label") is None


def test_size_of_the_image_beside_corners_is_no_size_of_boxes():
    found = columns("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")
    assert found.names == ("xmin", "ymin", "xmax", "ymax")
    assert found.stated == ("width", "height")
    assert columns("x", "y", "width", "height").stated == ()
    assert not columns("x", "y", "width", "height").plain


def test_one_column_of_four_numbers():
    cells = ["[10, 20.5, 30, 6e1]", "10 20 30 60", "", "[]"]
    table = Table(PATH, {"image": ["a"] * 4, "bbox": cells[:2]})
    assert box_columns(table).kind == ""
    numbers = box_columns(table).numbers(Table(PATH, {"bbox": cells}))
    assert numbers[:2].tolist() == [[10, 20.5, 30, 60], [10, 20, 30, 60]]
    assert np.isnan(numbers[2:]).all()
    assert box_columns(Table(PATH, {"bbox": ["yes", "no"]})) is None


def test_numbers_decide_where_names_do_not():
    assert decide_corners(CORNERS, IMAGES, "", PATH)[0].tolist() == CORNERS.tolist()
    found, said = decide_corners(SIZES, IMAGES, "", PATH)
    assert found.tolist() == CORNERS.tolist()
    assert said == "left, top, width, height"
    centres = np.hstack([(CORNERS[:, :2] + CORNERS[:, 2:]) / 2, SIZES[:, 2:]])
    assert decide_corners(centres, IMAGES, "centres", PATH)[0].tolist() == CORNERS.tolist()


def test_where_both_or_neither_fits_it_is_refused():
    both = np.array([[1, 1, 20, 20], [2, 3, 30, 30]], float)
    with pytest.raises(DataError, match=r"both fits its numbers.*xmin, ymin, xmax, ymax or x, y"):
        decide_corners(both, IMAGES[:2], "", PATH)
    neither = np.array([[90, 90, 20, 20], [90, 3, 130, 30]], float)
    with pytest.raises(DataError, match="neither fits"):
        decide_corners(neither, IMAGES[:2], "", PATH)


def test_names_that_the_numbers_contradict_are_refused():
    with pytest.raises(DataError, match="called like corners, and hold left, top, width"):
        decide_corners(SIZES, IMAGES, "corners", PATH)
    far = np.array([[50, 50, 90, 90], [60, 60, 80, 95], [70, 40, 99, 90]], float)
    with pytest.raises(DataError, match="called width and height, and hold the right and bottom"):
        decide_corners(far, IMAGES, "sizes", PATH)
    one = CORNERS.copy()
    one[0] = [90, 90, 5, 5]
    assert decide_corners(one, IMAGES, "corners", PATH)[1] == "left, top, right, bottom"


@pytest.mark.parametrize(
    ("cells", "value"), [("12,5 3 n/a", 12.5), ("12.5 3 -", 12.5), ("1e2 3 nan", 100.0)]
)
def test_decimals_may_follow_a_comma_and_nothing_is_nan(cells, value):
    table = Table(PATH, {name: cells.split() for name in ("xmin", "ymin", "xmax", "ymax")})
    numbers = box_columns(table).numbers(table)
    assert numbers[0].tolist() == [value] * 4
    assert np.isnan(numbers[2]).all()


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("12px 3 4", r"boxes.csv, row 2: '12px' of column xmin is no number"),
        ("3 12,5 4.5", r"row 3: '12,5' of column xmin is no number"),
        ("1,234 3 4", r"'1,234' may be 1234 or 1.234"),
    ],
)
def test_what_is_no_number_never_says_that_nothing_is_there(cells, why):
    table = Table(PATH, {name: cells.split() for name in ("xmin", "ymin", "xmax", "ymax")})
    with pytest.raises(DataError, match=why):
        box_columns(table).numbers(table)


def test_several_boxes_in_a_cell_are_refused():
    table = Table(PATH, {"image": ["a", "b"], "bbox": ["[1, 2, 3, 4]", ""]})
    found = box_columns(table)
    assert np.isnan(found.numbers(table)[1]).all()
    more = Table(PATH, {"image": ["a", "b"], "bbox": ["[1, 2, 3, 4]", "1 2 3 4 5 6 7 8"]})
    with pytest.raises(DataError, match="row 3: column bbox holds 8 numbers"):
        found.numbers(more)
