"""Images and boxes move together."""

from __future__ import annotations

import numpy as np

from headstart.nets.boxes.loss import NO_BOX, UNKNOWN
from headstart.nets.boxes.warp import BoxWarp, pad_boxes, warp_boxes

PLAIN = BoxWarp(64, 1.0, 1.0, 0.0, mirror=False, saturation=0.0, value=0.0, fill=(0, 0, 0))


def scene(side: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A white rectangle on grey, and its box."""
    square = np.full((side, side, 3), 90, np.uint8)
    square[30:54, 18:60] = 255
    return square, np.array([[18, 30, 60, 54]], np.float32), np.array([2])


def lit(image: np.ndarray) -> np.ndarray:
    """The box around what is white."""
    down, across = np.nonzero(image[..., 0] > 170)
    return np.array([across.min(), down.min(), across.max() + 1, down.max() + 1], float)


def test_a_box_stays_on_its_object():
    square, boxes, classes = scene()
    whole = 0
    for seed in range(60):
        warp = BoxWarp(64, 0.5, 1.6, 0.1, upside=True, saturation=0.0, value=0.0, fill=(0, 0, 0))
        image, moved, kinds = warp_boxes(square, boxes, classes, warp, np.random.default_rng(seed))
        assert image.shape == (64, 64, 3)
        if len(moved):
            assert np.abs(lit(image) - moved[0]).max() <= 1.5
            whole += kinds.tolist() == [2]
        else:
            assert (image < 170).all()
    assert whole > 30


def test_nothing_is_varied_where_nothing_may_be():
    square, boxes, classes = scene(64)
    image, moved, kinds = warp_boxes(square, boxes, classes, PLAIN, np.random.default_rng(0))
    assert (image == square).all()
    assert (moved == boxes).all()
    assert kinds.tolist() == [2]


def test_what_is_left_at_the_edge_is_neither_demanded_nor_forbidden():
    square = np.zeros((64, 64, 3), np.uint8)
    boxes = np.array([[-30, 10, 10, 30], [20, 20, 21, 60], [10, 10, 30, 30]], np.float32)
    _, moved, kinds = warp_boxes(
        square, boxes, np.array([0, 1, 2]), PLAIN, np.random.default_rng(0)
    )
    assert kinds.tolist() == [UNKNOWN, UNKNOWN, 2]
    assert moved[0].tolist() == [0, 10, 10, 30]
    nothing = np.zeros((0, 4), np.float32)
    _, moved, kinds = warp_boxes(square, nothing, np.zeros(0, int), PLAIN, np.random.default_rng(0))
    assert moved.shape == (0, 4)
    assert kinds.shape == (0,)


def test_shrunk_images_lie_on_the_fill_and_colours_change():
    square, boxes, classes = scene()
    warp = BoxWarp(64, 0.4, 0.999, 0.0, saturation=0.5, value=0.3, fill=(7, 8, 9))
    seen = {
        warp_boxes(square, boxes, classes, warp, np.random.default_rng(seed))[0][-1, -1].tobytes()
        for seed in range(20)
    }
    assert bytes((7, 8, 9)) not in seen or len(seen) > 1
    assert len(seen) > 3


def test_boxes_of_several_images_have_one_width():
    boxes, classes = pad_boxes(
        [
            (np.ones((2, 4), np.float32), np.array([1, UNKNOWN])),
            (np.zeros((0, 4)), np.zeros(0, int)),
        ]
    )
    assert boxes.shape == (2, 2, 4)
    assert classes.tolist() == [[1, UNKNOWN], [NO_BOX, NO_BOX]]
    assert pad_boxes([(np.zeros((0, 4)), np.zeros(0, int))])[1].tolist() == [[NO_BOX]]
