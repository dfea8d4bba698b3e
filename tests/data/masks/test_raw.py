"""The pixels of masks in any mode."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.data.drawn_sets import paletted, write

from headstart.data.masks.raw import as_colour, channels, read_values
from headstart.errors import DataError

BLACK = (0, 0, 0)


def test_colours_are_numbers_and_back():
    colours = np.array([[1, 2, 3], [255, 0, 7]], np.uint8)
    assert as_colour(colours).tolist() == [0x010203, 0xFF0007]
    assert channels(as_colour(colours)).tolist() == colours.tolist()


def test_palette_indices_are_values_and_not_grey_levels_of_colours(tmp_path):
    paletted(tmp_path / "p.png", np.array([[0, 1], [2, 1]]), [BLACK, (128, 0, 0), (0, 128, 0)])
    raw = read_values(tmp_path / "p.png")
    assert (raw.kind, raw.values.tolist()) == ("palette", [[0, 1], [2, 1]])
    assert raw.as_told(True).tolist() == [[0, 0x800000], [0x008000, 0x800000]]


def test_one_bit_is_0_and_255(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    assert read_values(tmp_path / "b.png").values.tolist() == [[255, 0]]


def test_sixteen_bits_are_kept(tmp_path):
    write(tmp_path / "d.png", np.array([[0, 40000]], np.uint16))
    raw = read_values(tmp_path / "d.png")
    assert raw.values.tolist() == [[0, 40000]]
    assert raw.deep


def test_grey_saved_as_colour_is_grey(tmp_path):
    write(tmp_path / "g.png", np.full((2, 2, 3), 7, np.uint8))
    assert read_values(tmp_path / "g.png").kind == "grey"


@pytest.mark.parametrize(
    ("pixel", "kind", "value"),
    [
        ([(255, 255, 255, 255), (0, 0, 0, 0)], "grey", [255, 0]),  # white cut out
        ([(255, 0, 0, 255), (9, 9, 9, 0)], "grey", [255, 0]),  # one colour: where it is counts
    ],
)
def test_transparency_alone_makes_a_mask(tmp_path, pixel, kind, value):
    write(tmp_path / "t.png", np.array([pixel], np.uint8))
    raw = read_values(tmp_path / "t.png")
    assert (raw.kind, raw.values.tolist(), raw.cut) == (kind, [value], True)


def test_transparent_pixels_of_several_colours_are_background(tmp_path):
    pixels = [(255, 0, 0, 255), (0, 255, 0, 255), (1, 2, 3, 0)]
    write(tmp_path / "t.png", np.array([pixels], np.uint8))
    raw = read_values(tmp_path / "t.png")
    assert raw.values.tolist() == [[0xFF0000, 0x00FF00, 0]]


def test_opaque_colours_with_alpha_are_colours(tmp_path):
    write(tmp_path / "t.png", np.array([[(255, 0, 0, 255), (0, 0, 0, 255)]], np.uint8))
    raw = read_values(tmp_path / "t.png")
    assert (raw.values.tolist(), raw.cut) == ([[0xFF0000, 0]], False)


def test_fractions_are_no_classes(tmp_path):
    Image.fromarray(np.array([[0.5]], np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(DataError, match="fractions"):
        read_values(tmp_path / "f.tif")


def test_a_damaged_file_and_a_missing_one_are_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"x\.png: no image"):
        read_values(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"y\.png: the file is gone"):
        read_values(tmp_path / "y.png")


def test_a_mask_that_exif_turns_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "e.png", exif=exif)
    assert read_values(tmp_path / "e.png").values.tolist() == [[1], [2], [3]]


def test_a_photograph_that_was_cut_out_is_where_it_is_not_transparent(tmp_path):
    pixels = np.random.default_rng(3).integers(0, 255, (30, 30, 4), dtype=np.uint8)
    pixels[..., 3] = 0
    pixels[5:20, 5:20, 3] = 255
    write(tmp_path / "photo.png", pixels)
    raw = read_values(tmp_path / "photo.png")
    assert (raw.kind, raw.cut) == ("grey", True)
    assert np.array_equal(raw.values, pixels[..., 3])
    few = pixels.copy()  # classes in colours on a transparent ground
    few[..., :3] = (few[..., :3] // 128) * 128
    write(tmp_path / "classes.png", few)
    assert read_values(tmp_path / "classes.png").kind == "colour"
