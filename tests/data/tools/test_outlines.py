"""Outlines of any tool: the boxes around them, and the masks that they are."""

from __future__ import annotations

import numpy as np
from tests.data.drawn_sets import noise, write

from headstart.data.files.scan import Tree
from headstart.data.tools.outlines import (
    Outline,
    OutlinedImage,
    all_boxes,
    around,
    outlined_boxes,
    outlined_masks,
)

SQUARE = ((2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0))


def test_boxes_lie_around_outlines_and_what_has_no_area_is_named():
    images = [
        OutlinedImage("a.jpg", (Outline(" cat", SQUARE, True), Outline("tip"))),
        OutlinedImage("b.jpg", (Outline("tip"),)),
        OutlinedImage("c.jpg"),
    ]
    notes = outlined_boxes(images, "x.xml")
    assert notes.images["a.jpg"].boxes[0].corners == (2, 1, 6, 4)
    assert "blanks" in notes.images["a.jpg"].flaw
    assert set(notes.images) == {"a.jpg", "c.jpg"}  # of b nobody said that nothing is there
    assert [name for name, _ in notes.set_aside] == ["a.jpg", "b.jpg"]


def test_outlines_are_said_where_boxes_were_asked_for():
    bent = OutlinedImage("a.jpg", (Outline("cat", SQUARE[:3]),))
    assert outlined_boxes([bent], "x").said == "boxes around 1 outline among them"
    assert not all_boxes([bent])
    assert all_boxes([OutlinedImage("a.jpg", (Outline("cat", SQUARE, True), Outline("tip")))])
    assert not all_boxes([])


def test_masks_are_painted_in_order_at_the_size_of_the_image(tmp_path):
    write(tmp_path / "a.png", noise(1, size=(10, 8)))
    runs = Outline("dog", runs=(0, 2), box=(2, 1, 1, 2))
    given = OutlinedImage(
        "a.png", (Outline("cat", SQUARE), runs, Outline("background", SQUARE[:2]))
    )
    drawn = outlined_masks([given, OutlinedImage("gone.png")], Tree(tmp_path, ("a.png",)))
    assert drawn.names == ("background", "cat", "dog")
    wide, high = drawn.masks["a.png"].size
    mask = drawn.masks["a.png"].read()
    assert mask.shape == (high, wide)
    assert mask[1:3, 2].tolist() == [2, 2]
    assert (mask == 1).sum() == 4 * 3 - 2
    assert "gone.png" not in drawn.masks  # neither file nor image says how large it is


def test_a_circle_is_as_wide_as_said():
    points = np.array(around(5, 6, 2, 3))
    assert np.allclose(points.max(axis=0) - points.min(axis=0), [4, 6])
