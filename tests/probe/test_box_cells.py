"""Cells are given to the objects that their boxes show."""

from __future__ import annotations

import numpy as np

from headstart.probe.box_cells import BACKGROUND, UNCOUNTED, assign_cells

CENTRES = np.stack(np.meshgrid(np.arange(8) * 8 + 4.0, np.arange(8) * 8 + 4.0), -1).reshape(-1, 2)
GRID = np.hstack([CENTRES, np.full((64, 1), 8.0)])


def around(half: float = 10.0) -> np.ndarray:
    return np.concatenate([CENTRES - half, CENTRES + half], axis=1)


def test_the_cells_whose_boxes_overlap_most_are_an_objects():
    box = np.array([[10.0, 10, 30, 30]])
    cells = assign_cells(around(), GRID, box, np.array([3]), top=4)
    own = np.flatnonzero(cells.kinds == 3)
    assert len(own) == 4
    assert (np.abs(CENTRES[own] - 20) <= 8).all()
    assert cells.quality[own].max() == 1.0
    near = np.flatnonzero(cells.kinds == UNCOUNTED)
    assert len(near)
    assert (np.abs(CENTRES[near] - 20).max(axis=1) < 16).all()
    assert (cells.quality[cells.kinds < 0] == 0).all()
    away = cells.away[own] * 8
    assert np.allclose(np.hstack([CENTRES[own] - away[:, :2], CENTRES[own] + away[:, 2:]]), box)
    assert (cells.away[cells.kinds < 0] == 0).all()
    assert cells.kinds[-1] == BACKGROUND


def test_a_cell_between_two_goes_to_the_one_it_shows_better():
    boxes = np.array([[10.0, 10, 30, 30], [14.0, 10, 34, 30]])
    cells = assign_cells(around(), GRID, boxes, np.array([0, 1]), top=9)
    assert {0, 1} <= set(cells.kinds.tolist())
    for kind in (0, 1):
        at = int(np.flatnonzero(cells.kinds == kind)[cells.quality[cells.kinds == kind].argmax()])
        assert abs(CENTRES[at, 0] - (20 + 4 * kind)) <= 4


def test_crowds_are_uncounted_and_nothing_is_background():
    crowd = assign_cells(around(), GRID, np.array([[0.0, 0, 30, 30]]), np.array([-2]))
    assert (crowd.kinds[(CENTRES < 30).all(axis=1)] == UNCOUNTED).all()
    assert set(crowd.kinds.tolist()) == {BACKGROUND, UNCOUNTED}
    empty = assign_cells(around(), GRID, np.zeros((0, 4)), np.zeros(0, int))
    assert (empty.kinds == BACKGROUND).all()


def test_an_object_smaller_than_a_cell_gets_one():
    cells = assign_cells(around(3.0), GRID, np.array([[9.0, 9, 12, 12]]), np.array([0]), least=0.1)
    assert (cells.kinds == 0).sum() >= 1
