"""Maps of points and boxes: where `fit` puts a place, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.images.detect import Face
from headstart.images.faces import Faces
from headstart.images.geometry import chain, invert, map_boxes, map_points, visible_share
from headstart.images.preprocess import Preprocess

SIZES = [(100, 100), (101, 67), (63, 199), (300, 225), (41, 40)]
GEOMETRIES = ["square", "crop", "pad", "squash"]
NUMBER = st.floats(-5, 5)


def drawn(width: int, height: int, box: tuple[int, int, int, int]) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 255
    return pixels


def found(pixels: np.ndarray) -> np.ndarray:
    """Where the bright rectangle ends."""
    bright = pixels[..., 0] > 127
    x, y = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1])


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("side", [64, 97])
def test_a_rectangle_is_where_the_map_says(geometry, size, position, side):
    preprocess = Preprocess(side, geometry, mean=(0, 0, 0))
    width, height = size
    matrix = preprocess.matrix(width, height, position=position)
    # Inside of what is kept: from the map back, so that nothing is cut off.
    inner = side / 2 + np.array([-1, -1, 1, 1]) * side * 0.15
    box = map_boxes(invert(matrix), inner[None])[0].round().astype(int)
    square = preprocess.fit(drawn(width, height, tuple(box)), position=position)
    assert square.shape == (side, side, 3)
    assert np.abs(found(square) - map_boxes(matrix, box[None])[0]).max() <= 1


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_what_a_crop_cuts_off_lies_outside(geometry):
    matrix = Preprocess(64, geometry).matrix(200, 100)
    share = visible_share(map_boxes(matrix, np.array([[0, 0, 50, 100], [60, 20, 140, 80]])), 64, 64)
    assert share[1] == pytest.approx(1)
    assert share[0] == pytest.approx(1 if geometry in ("pad", "squash") else 0, abs=1e-9)


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
@pytest.mark.parametrize("align", ["points", "box"])
def test_a_face_crop_is_such_a_map_too(align, turned):
    middle, reach = np.array([80.0, 60.0]), 20.0
    template = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((template - 0.5) * 2 * reach @ turn.T + middle).astype(np.float32)
    face = Face(np.array([60, 40, 40, 40], np.float32), points, 1.0, turned)
    faces = Faces("", "", align=align, margin=0.2)
    spot = (70, 50)
    image = drawn(160, 120, (spot[0] - 1, spot[1] - 1, spot[0] + 2, spot[1] + 2))
    crop = faces.crop(image, face, 112)
    matrix = Preprocess(112, faces=faces).matrix(160, 120, face=face)
    weight = crop[..., 0].astype(float)
    y, x = (np.indices(weight.shape) + 0.5).reshape(2, -1) @ weight.ravel() / weight.sum()
    expected = map_points(matrix, np.array([spot]) + 0.5)[0]
    assert np.abs(expected - [x, y]).max() <= 1


def test_without_the_face_there_is_no_map():
    with pytest.raises(ValueError, match="give it"):
        Preprocess(112, faces=Faces("", "")).matrix(10, 10)


@given(st.lists(NUMBER, min_size=6, max_size=6), st.lists(NUMBER, min_size=4, max_size=4))
def test_there_and_back(numbers, points):
    matrix = np.array(numbers).reshape(2, 3)
    matrix[:, :2] += 12 * np.eye(2)  # never to a line
    back = map_points(invert(matrix), map_points(matrix, np.array(points)))
    np.testing.assert_allclose(back, np.reshape(points, (2, 2)), atol=1e-9)
    np.testing.assert_allclose(chain(matrix, invert(matrix)), np.eye(2, 3), atol=1e-9)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_boxes_go_there_and_back(geometry):
    matrix = Preprocess(97, geometry).matrix(131, 77)
    boxes = np.array([[3.5, 2, 40, 70], [100, 10, 131, 77.0]])
    np.testing.assert_allclose(map_boxes(invert(matrix), map_boxes(matrix, boxes)), boxes)


def test_chaining_is_one_after_the_other():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 2, 3))
    points = rng.normal(size=(5, 2))
    expected = map_points(second, map_points(first, points))
    np.testing.assert_allclose(map_points(chain(first, second), points), expected)


def test_the_box_around_a_turned_box():
    half = np.sqrt(0.5)
    turned = map_boxes(np.array([[half, -half, 0], [half, half, 0]]), np.array([[0, 0, 2, 2]]))
    np.testing.assert_allclose(turned, [[-2 * half, 0, 2 * half, 4 * half]])


def test_no_boxes_stay_none():
    assert map_boxes(np.eye(2, 3), np.zeros((0, 4))).shape == (0, 4)
    assert visible_share(np.zeros((0, 4)), 3, 3).shape == (0,)


def test_shares():
    boxes = np.array([[0, 0, 10, 10], [-5, 0, 5, 10], [-5, -5, 5, 5], [20, 0, 30, 9], [1, 1, 1, 5]])
    np.testing.assert_allclose(visible_share(boxes, 10, 20), [1, 0.5, 0.25, 0, 0])
