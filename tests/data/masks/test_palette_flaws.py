"""Palettes that were read as grey are seen."""

from __future__ import annotations

from PIL import Image
from tests.data.drawn_sets import blocks, folder, paletted

from headstart.data.masks.name_classes import drawing_colours
from headstart.data.open import open_dataset

COLOURS = [tuple(each) for each in drawing_colours(5).tolist()]


def read(root):
    return open_dataset(root, task="segmentation").labels


def test_masks_with_a_palette_have_no_flaw(tmp_path):
    folder(tmp_path)
    for number in range(4):
        paletted(tmp_path / f"masks/{number}.png", blocks(number, (0, 1, 2, 3)), COLOURS)
    assert read(tmp_path).flaws == ("",) * 4


def test_a_palette_that_became_grey_everywhere_is_known_by_its_brightnesses(tmp_path):
    folder(tmp_path)
    for number in range(4):
        path = tmp_path / f"masks/{number}.png"
        paletted(path, blocks(number, (0, 1, 2, 3)), COLOURS)
        with Image.open(path) as mask:
            grey = mask.convert("L")
        grey.save(path)
    labels = read(tmp_path)
    assert labels.names == ("background", "38", "75", "113")
    assert all("a palette read as grey" in flaw for flaw in labels.flaws)


def test_one_that_became_grey_among_others_is_named(tmp_path):
    folder(tmp_path)
    for number in range(4):
        path = tmp_path / f"masks/{number}.png"
        paletted(path, blocks(number, (0, 1, 2, 3)), COLOURS)
        if number == 2:
            with Image.open(path) as mask:
                grey = mask.convert("L")
            grey.save(path)
    assert ["palette" in flaw for flaw in read(tmp_path).flaws] == [False, False, True, False]


def test_other_greys_are_none(tmp_path):
    assert read(folder(tmp_path, (0, 60, 120, 180))).flaws == ("",) * 4
