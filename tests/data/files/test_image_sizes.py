"""Sizes by headers alone, and boxes turned as Pillow turns the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.data.boxed_sets import picture

from headstart.data.files.image_sizes import image_sizes, turn_corners


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_box_is_turned_with_its_pixels(tmp_path, turn):
    pixels = np.zeros((30, 50), np.uint8)
    pixels[4:11, 6:22] = 255
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(tmp_path / "x.png", exif=exif)
    (size,), (found,) = image_sizes([tmp_path / "x.png"])
    with Image.open(tmp_path / "x.png") as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened))
    assert tuple(size) == upright.shape[::-1]
    assert found == turn
    rows, columns = np.nonzero(upright)
    want = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    box = turn_corners(np.array([[6.0, 4, 22, 11]]), turn, (int(size[0]), int(size[1])))
    assert box[0].tolist() == want


def test_what_is_no_image_has_no_size(tmp_path):
    (tmp_path / "x.jpg").write_text("no")
    picture(tmp_path / "y.jpg")
    sizes, turns = image_sizes([tmp_path / "x.jpg", tmp_path / "y.jpg", tmp_path / "z.jpg"])
    assert sizes.tolist() == [[0, 0], [64, 48], [0, 0]]
    assert turns.tolist() == [1, 1, 1]
    assert image_sizes([])[0].shape == (0, 2)
