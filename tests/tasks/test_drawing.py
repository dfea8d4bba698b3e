"""Words on an image: legible, in the corner, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.tasks.drawing import write_on


def changed(before: np.ndarray, text: str) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of what was written."""
    rows, columns = np.nonzero((write_on(before, text) != before).any(axis=2))
    return rows.min(), columns.min(), rows.max(), columns.max()


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_white_on_black_whatever_lies_behind(shade):
    before = np.full((120, 240, 3), shade, np.uint8)
    after = write_on(before, "ants 97%")
    written = after[12:24, 12:60]
    assert written.max() == 255
    assert written.min() == 0
    assert (before == shade).all()
    assert (after[60:] == shade).all(), "the rest of the image is as it was"


def test_longer_texts_take_more_room_and_larger_images_larger_letters():
    small, large = np.full((200, 800, 3), 128, np.uint8), np.full((1200, 800, 3), 128, np.uint8)
    short, long = changed(small, "a"), changed(small, "a much longer answer")
    assert long[3] > 3 * short[3]
    assert changed(large, "a")[2] > 1.5 * short[2]


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (300, 8)])
def test_images_of_any_shape(size):
    before = np.zeros((*size, 3), np.uint8)
    assert write_on(before, "34 (29 to 41)").shape == before.shape


def test_names_in_any_script():
    before = np.full((60, 300, 3), 128, np.uint8)
    for text in ("Zoë 猫 91%", "", "not sure"):
        assert write_on(before, text).shape == before.shape
