"""What four numbers mean is told by their names, or by all of them together, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.data.box_columns import box_columns, decide_corners
from headstart.data.tables import Table
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
    cells = ["[10, 20.5, 30, 6e1]", "10 20 30 60", "", "(1;2;3)"]
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
