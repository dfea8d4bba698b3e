"""Polygons are filled where the centres of pixels are, and later shapes lie on top."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.data.annotations.shapes import Shape, ShapeMask, fill_polygon


def filled(points, size=(12, 9)):
    mask = np.zeros((size[1], size[0]), np.uint8)
    fill_polygon(mask, np.array(points, float), 1)
    return mask


def test_a_rectangle_has_its_own_area():
    mask = filled([(2, 1), (7, 1), (7, 5), (2, 5)])
    assert mask.sum() == 20
    assert mask[1:5, 2:7].all()


def test_pixels_belong_by_their_centres():
    assert filled([(0.6, 0), (2.4, 0), (2.4, 1), (0.6, 1)])[0].tolist()[:4] == [0, 1, 0, 0]


def test_a_hole_and_a_bow_are_even_and_odd():
    bow = filled([(0, 0), (8, 8), (8, 0), (0, 8)])
    assert bow[4, 0] == 1
    assert bow[1, 4] == 0


def test_what_lies_outside_is_cut_off():
    assert filled([(-5, -5), (50, -5), (50, 50), (-5, 50)]).all()
    assert not filled([(20, 20), (30, 20), (30, 30)]).any()
    assert not filled([(1, 1), (5, 5)]).any()


@pytest.mark.parametrize("seed", range(4))
def test_filling_agrees_with_a_test_of_every_centre(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-3, 15, (7, 2))
    expected = np.zeros((9, 12), bool)
    for y in range(9):
        for x in range(12):
            inside = False
            for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
                if (ay > y + 0.5) != (by > y + 0.5):
                    cross = ax + (y + 0.5 - ay) * (bx - ax) / (by - ay)
                    inside ^= cross < x + 0.5
            expected[y, x] = inside
    assert np.array_equal(filled(points) > 0, expected)


def test_later_shapes_lie_on_top_and_runs_may_be_of_a_part():
    square = (0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0)
    mask = ShapeMask(
        (6, 4),
        (Shape(1, rings=(square,)), Shape(2, runs=(0, 4), box=(3, 1, 2, 2))),
    ).read()
    plain, covered = [1, 1, 1, 1, 0, 0], [1, 1, 1, 2, 2, 0]
    assert mask.tolist() == [plain, covered, covered, plain]


def test_a_part_may_stick_out_of_the_image():
    mask = ShapeMask((2, 2), (Shape(1, runs=(0, 4), box=(-1, 1, 2, 2)),)).read()
    assert mask.tolist() == [[0, 0], [1, 0]]
