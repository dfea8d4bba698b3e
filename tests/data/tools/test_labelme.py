"""Labelme's JSON: polygons, rectangles, discs, pasted masks; points and lines are said."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from headstart.data.tools.labelme import is_labelme, read_labelme
from headstart.errors import DataError


def read(tmp_path, shapes, **more):
    path = tmp_path / "a.json"
    facts = {"shapes": shapes, "imagePath": "a.jpg", "imageHeight": 20, "imageWidth": 30}
    path.write_text(json.dumps(facts | more))
    return read_labelme([("a.jpg", path)])


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "shape_type": kind} | more


def test_shapes_are_painted_in_their_order(tmp_path):
    drawn = read(
        tmp_path,
        [
            shape("road", [[0, 0], [10, 0], [10, 10], [0, 10]]),
            shape("car", [[2, 2], [6, 4]], "rectangle"),
            shape("__ignore__", [[0, 0], [1, 0], [1, 1], [0, 1]]),
            shape("_background_", [[8, 8], [10, 8], [10, 10], [8, 10]]),
        ],
    )
    assert drawn.names == ("background", "car", "road")
    mask = drawn.masks["a.jpg"].read()
    assert mask.shape == (20, 30)
    assert (mask == 1).sum() == 8
    assert (mask == 2).sum() == 100 - 8 - 1 - 4
    assert mask[0, 0] == 255
    assert mask[9, 9] == 0


def test_a_disc_has_its_area(tmp_path):
    mask = read(tmp_path, [shape("x", [[15, 10], [15, 16]], "circle")]).masks["a.jpg"].read()
    assert mask.sum() == pytest.approx(np.pi * 36, rel=0.04)


def test_a_pasted_mask_lies_at_its_corner(tmp_path):
    area = np.array([[1, 0, 1], [1, 1, 0]], bool)
    stream = io.BytesIO()
    Image.fromarray(area).save(stream, "PNG")
    text = base64.b64encode(stream.getvalue()).decode()
    mask = read(tmp_path, [shape("x", [[4, 5], [6, 6]], "mask", mask=text)]).masks["a.jpg"].read()
    assert np.array_equal(mask[5:7, 4:7] == 1, area)
    assert mask.sum() == area.sum()


def test_points_and_lines_have_no_area_and_are_said(tmp_path):
    drawn = read(tmp_path, [shape("x", [[1, 1]], "point"), shape("x", [[0, 0], [5, 0], [5, 5]])])
    assert drawn.set_aside == (("a.json", "1 shape without an area (points or lines?)"),)
    assert "a.jpg" not in read(tmp_path, [shape("x", [[1, 1], [5, 5]], "line")]).masks


def test_no_shapes_are_an_empty_mask(tmp_path):
    assert read(tmp_path, []).masks["a.jpg"].read().sum() == 0


def test_the_size_may_be_that_of_the_image(tmp_path):
    with pytest.raises(DataError, match="no imageWidth"):
        read(tmp_path, [], imageHeight=None)
    Image.new("L", (7, 5)).save(tmp_path / "a.jpg")
    assert read(tmp_path, [], imageHeight=None).masks["a.jpg"].size == (7, 5)


def test_other_json_is_none_of_labelme(tmp_path):
    assert not is_labelme({"shapes": 3})
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match="no file of Labelme"):
        read_labelme([("a.jpg", tmp_path / "a.json")])
