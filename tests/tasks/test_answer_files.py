"""Files of answers lie as the images do, and cells are cells."""

from __future__ import annotations

import numpy as np
from PIL import Image

from headstart.tasks.answer_files import answer_cell, made_for, reduced, stems_of


def test_files_lie_as_the_images_do():
    names = ["/data/new/a/one.jpg", "/data/new/a/one.png", "/data/new/b/one.jpg"]
    assert stems_of(names, [True] * 3) == ["a/one", "a/one_2", "b/one"]
    assert stems_of(["/data/one.jpg"], [True]) == ["one"]
    assert stems_of(["image 1", "image 2"], [True] * 2) == ["image 1", "image 2"]
    assert stems_of(["../x.png", "y.png"], [True] * 2) == ["x", "y"]
    gone = stems_of(["/data/new/one.jpg", "typo.jpg"], [True, False])
    assert gone == ["one", "typo"], "what was not found moves nothing"


def test_cells_are_short_and_compute_nothing():
    assert answer_cell(1 / 3) == "0.333333"
    assert answer_cell("=1+1") == "'=1+1"
    assert answer_cell(7) == 7


def test_an_image_is_made_small_enough_to_be_drawn_on(tmp_path):
    file = made_for(tmp_path / "a" / "b" / "one.png")
    Image.fromarray(np.full((300, 900, 3), 90, np.uint8)).save(file)
    small = reduced(str(file), np.array([900, 300]), longest=90)
    assert small is not None
    assert small.shape == (30, 90, 3)
    assert (small == 90).all()
    assert reduced(str(tmp_path / "gone.png"), np.array([900, 300])) is None
