from __future__ import annotations

import numpy as np

from headstart.tasks.segmentation.paint import indexed, overlaid, tinted

from .masks_here import CLASSES, PALETTE, scene


def test_a_tint_is_the_colour_of_the_class():
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 1
    grey = np.full((40, 40, 3), 100, np.uint8)
    found = tinted(grey, mask, PALETTE)
    assert (grey == 100).all()
    assert found[5, 35, 0] > found[5, 35, 2], "orange"
    assert (found[5, 20] == PALETTE[1]).all(), "the edge in full"
    black = PALETTE.copy()
    black[0] = 0
    assert (tinted(grey, mask, black)[5, :18] == 100).all(), "the ground is left as it is"
    mask[:] = 255
    assert len(np.unique(tinted(grey, mask, PALETTE))) > 1, "hatched"


def test_a_legend_names_what_is_there():
    grey = np.full((300, 300, 3), 100, np.uint8)
    mask = np.zeros((300, 300), np.uint8)
    plain, legend = tinted(grey, mask, PALETTE), overlaid(grey, mask, PALETTE, CLASSES)
    changed = (plain != legend).any(axis=2)
    assert changed[:60, :150].any()
    assert not changed[100:].any()
    small = grey[:100, :100]
    assert (overlaid(small, mask[:100, :100], PALETTE, CLASSES) == plain[:100, :100]).all()


def test_indices_come_back_from_a_file(tmp_path):
    from PIL import Image

    mask = scene(1)
    mask[0, 0] = 255
    indexed(mask, PALETTE).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert (np.asarray(image) == mask).all()
        colours = np.asarray(image.convert("RGB"))
    assert (colours[mask == 1] == PALETTE[1]).all()
