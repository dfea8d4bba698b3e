"""The file of a mask: its values in any mode, and what they become."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.data.drawn_sets import paletted, write

from headstart.data.mask_files import LayeredMask, MaskFile, ValueTable, read_values, value_runs
from headstart.data.masks import IGNORED
from headstart.errors import DataError

RED, BLACK = (255, 0, 0), (0, 0, 0)


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


def test_values_become_the_class_of_the_nearest():
    table = ValueTable((0, 128, 255), (0, 1, 2))
    values = np.array([[0, 63, 65, 128, 191, 192, 255]], np.uint8)
    assert table.classes_of(values).tolist() == [[0, 0, 1, 1, 1, 2, 2]]


def test_a_single_value_is_all_there_is():
    assert ValueTable((255,), (0,)).classes_of(np.array([[0, 255]])).tolist() == [[0, 0]]


def test_all_others_may_be_one_class():
    table = ValueTable((0,), (0,), others=1)
    assert table.classes_of(np.array([[0, 1, 500, 70000]])).tolist() == [[0, 1, 1, 1]]


def test_colours_become_the_nearest_colour():
    table = ValueTable((0, 0x0000FF, 0xFF0000), (0, 1, 2), colours=True)
    values = np.array([[0x10000, 0xF00010, 0x0000F0, 0x000070]])
    assert table.classes_of(values).tolist() == [[0, 2, 1, 0]]


def test_a_mask_file_is_read_anew_each_time(tmp_path):
    mask = MaskFile(tmp_path / "m.png", ValueTable((0, 1, 255), (0, 1, IGNORED)))
    write(tmp_path / "m.png", np.array([[0, 1, 255]], np.uint8))
    assert mask.read().tolist() == [[0, 1, 255]]
    (tmp_path / "m.png").unlink()
    with pytest.raises(DataError, match="gone"):
        mask.read()


def test_layers_lie_on_each_other(tmp_path):
    table = ValueTable((0, 255), (0, 1))
    write(tmp_path / "a.png", np.array([[255, 255, 0]], np.uint8))
    write(tmp_path / "b.png", np.array([[0, 255, 0]], np.uint8))
    files = [MaskFile(tmp_path / name, table) for name in ("a.png", "b.png")]
    assert LayeredMask(((files[0], 1), (files[1], 2))).read().tolist() == [[1, 2, 0]]


def test_runs_give_back_the_values():
    values = np.array([[5, 5, 9], [9, 5, 0]])
    different, which = value_runs(values)
    assert different.tolist() == [0, 5, 9]
    assert different[which].reshape(values.shape).tolist() == values.tolist()
