"""Boxes are drawn where they are, in the colours of their classes."""

from __future__ import annotations

import numpy as np

from headstart.tasks.detection.drawn import class_colour, draw_boxes


def test_a_box_is_drawn_where_it_is():
    blank = np.zeros((120, 200, 3), np.uint8)
    drawn = draw_boxes(blank, np.array([[20.0, 40, 80, 100]]), np.array([0]), [""])
    rows, columns = np.nonzero(drawn.any(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (20, 40, 80, 100)
    assert tuple(drawn[40, 50]) == class_colour(0)
    assert not drawn[70, 50].any()
    assert not blank.any()


def test_words_lie_on_the_image_also_at_its_edges():
    blank = np.zeros((120, 200, 3), np.uint8)
    plain = draw_boxes(blank, np.array([[150.0, 0, 199, 119]]), np.array([1]), [""])
    told = draw_boxes(blank, np.array([[150.0, 0, 199, 119]]), np.array([1]), ["elephant 97%"])
    assert (plain != told).any()
    small = np.zeros((40, 40, 3), np.uint8)
    boxes = np.array([[5.0, 5, 30, 30], [30, 30, 5, 5]])
    assert draw_boxes(small, boxes, np.array([0, 1]), ["cat 1%", ""]).any()


def test_neighbouring_classes_differ():
    colours = np.array([class_colour(i) for i in range(8)], int)
    apart = np.abs(colours[1:] - colours[:-1]).sum(axis=1)
    assert apart.min() > 150
