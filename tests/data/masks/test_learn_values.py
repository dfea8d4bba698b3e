"""Which values are classes, learnt from all files: said, thresholded, or refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from tests.data.drawn_sets import blocks, paletted, write

from headstart.data.masks.counts import count_values
from headstart.data.masks.learn_values import learn_values
from headstart.data.masks.value_names import find_names
from headstart.errors import DataError

SIZE = (120, 90)
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


def learn(root, how="auto"):
    paths = sorted([*root.glob("*.png"), *root.glob("*.jpg")])
    return learn_values(
        [count_values(path) for path in paths], how=how, named=find_names([root]), root=root,
        files=[path.name for path in paths],
    )  # fmt: skip


def greys(root, values, count=4, **save):
    for number in range(count):
        write(root / f"{number}.{save.get('end', 'png')}", blocks(number, values, SIZE),
              **({"quality": 60} if save else {}))  # fmt: skip


@pytest.mark.parametrize(
    ("values", "names", "reading"),
    [
        ((0, 255), ("background", "foreground"), "0 background, 255 foreground"),
        ((0, 1), ("background", "foreground"), "0 background, 1 foreground"),
        ((0, 128, 255), ("background", "128", "255"), "0 background, 128, 255"),
        ((0, 1, 2, 255), ("background", "1", "2"), "0 background, 1, 2, 255 ignored"),
        ((0, 1, 255), ("background", "1"), "0 background, 1 foreground, 255 ignored"),
        ((1, 2, 3), ("1", "2", "3"), "1, 2, 3"),
        ((255,), ("255",), "255"),
        ((0,), ("background",), "0 background"),
        ((0, 65535), ("background", "foreground"), "0 background, 65535 foreground"),
    ],
)
def test_clean_values_are_classes(tmp_path, values, names, reading):
    greys(tmp_path, values)
    learnt = learn(tmp_path)
    if values == (0, 1, 255):
        names = ("background", "foreground")
    assert (learnt.names, learnt.reading) == (names, reading)


def test_names_of_a_file_are_said_with_the_values(tmp_path):
    greys(tmp_path, (0, 128, 255))
    (tmp_path / "classes.txt").write_text("0 background\n128 cytoplasm\n255 nucleus\n")
    learnt = learn(tmp_path)
    assert learnt.reading == "0 background, 128 cytoplasm, 255 nucleus (named by classes.txt)"
    assert learnt.table.classes_of(np.array([[255, 128]])).tolist() == [[2, 1]]


def test_values_of_one_name_are_one_class(tmp_path):
    greys(tmp_path, (0, 1, 2))
    (tmp_path / "classes.txt").write_text("0 sky\n1 tree\n2 tree\n")
    learnt = learn(tmp_path)
    assert learnt.names == ("sky", "tree")
    assert learnt.table.classes_of(np.array([[0, 1, 2]])).tolist() == [[0, 1, 1]]


def test_what_is_called_void_is_ignored(tmp_path):
    greys(tmp_path, (0, 7, 9))
    (tmp_path / "classes.txt").write_text("0 sky\n7 tree\n9 void\n")
    learnt = learn(tmp_path)
    assert learnt.names == ("sky", "tree")
    assert learnt.reading.startswith("0 sky, 7 tree, 9 ignored")
    assert learnt.table.classes_of(np.array([[9]])).tolist() == [[255]]


def test_stray_values_are_thresholded_and_said(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        mask = blocks(number, (0, 255), SIZE)
        edge = np.zeros(mask.shape, bool)
        edge[:, 1:] = mask[:, 1:] != mask[:, :-1]
        near = np.where(
            mask > 0, rng.integers(253, 255, mask.shape), rng.integers(1, 3, mask.shape)
        )
        write(tmp_path / f"{number}.png", np.where(edge, near, mask).astype(np.uint8))
    learnt = learn(tmp_path)
    assert learnt.names == ("background", "foreground")
    assert "have other values, split at 127.5" in learnt.reading


def test_smoothed_masks_keep_their_classes(tmp_path):
    for number in range(4):
        mask = Image.fromarray(blocks(number, (0, 255), SIZE).astype(np.uint8))
        write(tmp_path / f"{number}.png", np.asarray(mask.resize((123, 95), 2)))
    assert learn(tmp_path).names == ("background", "foreground")


@pytest.mark.parametrize("values", [(0, 255), (0, 128, 255)])
def test_jpeg_masks_keep_their_classes(tmp_path, values):
    greys(tmp_path, values, end="jpg")
    learnt = learn(tmp_path)
    assert len(learnt.names) == len(values)
    assert "have other values" in learnt.reading


def test_neighbouring_values_in_jpeg_files_are_refused(tmp_path):
    greys(tmp_path, (0, 1, 2), end="jpg")
    with pytest.raises(DataError, match="JPEG files with values next to each other"):
        learn(tmp_path)


def coloured(root, change=None, end="png"):
    for number in range(4):
        pixels = COLOURS[blocks(number, (0, 1, 2, 3), SIZE)]
        write(root / f"{number}.{end}", pixels if change is None else change(pixels))


def test_colours_are_classes(tmp_path):
    coloured(tmp_path)
    learnt = learn(tmp_path)
    assert learnt.names == ("background", "#0000ff", "#00ff00", "#ff0000")
    assert learnt.palette.tolist() == [[0, 0, 0], [0, 0, 255], [0, 255, 0], [255, 0, 0]]


def test_a_colour_used_once_is_set_to_the_nearest_and_said(tmp_path):
    def once(pixels):
        pixels = pixels.copy()
        pixels[5, 5] = (130, 0, 0)
        return pixels

    coloured(tmp_path, once)
    learnt = learn(tmp_path)
    assert len(learnt.names) == 4
    assert "less than 0.1% of the pixels have other values, set to the nearest" in learnt.reading


def test_smoothed_colours_keep_their_classes(tmp_path):
    def smooth(pixels):
        larger = Image.fromarray(pixels).resize((240, 180), Image.Resampling.BILINEAR)
        return np.asarray(larger.resize(SIZE, Image.Resampling.BILINEAR))

    coloured(tmp_path, smooth)
    assert learn(tmp_path).names == ("background", "#0000ff", "#00ff00", "#ff0000")


def test_colours_scaled_up_and_down_keep_their_classes(tmp_path):
    """Straight edges leave two colours of one mixture each, and each has many pixels."""
    for number in range(4):
        mask = np.zeros((48, 64, 3), np.uint8)
        mask[10 + number : 30, 8:30] = (0, 255, 0)
        larger = Image.fromarray(mask).resize((128, 96), Image.Resampling.BILINEAR)
        again = larger.resize((64, 48), Image.Resampling.BILINEAR)
        pixels = np.array(again)
        pixels[20:40, 40 : 50 + number] = (255, 0, 0)
        write(tmp_path / f"{number}.png", pixels)
    learnt = learn(tmp_path)
    assert learnt.names == ("background", "#00ff00", "#ff0000")
    assert "of the pixels have other values" in learnt.reading


def test_colours_in_jpeg_files_keep_their_classes(tmp_path):
    coloured(tmp_path, end="jpg")
    learnt = learn(tmp_path)
    assert len(learnt.names) == 4


def test_a_thin_class_of_its_own_colour_is_no_stray(tmp_path):
    def line(pixels):
        pixels = pixels.copy()
        pixels[80, ::3] = (250, 250, 0)
        return pixels

    coloured(tmp_path, line)
    assert "#fafa00" in learn(tmp_path).names


def test_palettes_that_differ_are_told_by_their_colours(tmp_path):
    mask = blocks(0, (0, 1), SIZE)
    paletted(tmp_path / "a.png", mask, [(0, 0, 0), (255, 0, 0)])
    paletted(tmp_path / "b.png", 1 - mask, [(255, 0, 0), (0, 0, 0)])
    learnt = learn(tmp_path)
    assert learnt.names == ("background", "foreground")
    assert learnt.table.colours


def instances(root, kind=np.uint16):
    for number in range(5):
        mask = np.zeros((90, 120), kind)
        for k in range(4 + number * 2):
            y, x = divmod(k, 10)
            mask[y * 12 : y * 12 + 8, x * 12 : x * 12 + 8] = k + 1
        write(root / f"{number}.png", mask)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_ids_of_instances_are_refused_with_the_flag(tmp_path, kind):
    instances(tmp_path, kind)
    with pytest.raises(DataError, match=r"12 different values, up to 12.*--masks binary"):
        learn(tmp_path)


def test_hundreds_of_ids_are_refused(tmp_path):
    ids = np.arange(1, 401, dtype=np.uint16).reshape(20, 20)
    write(tmp_path / "a.png", np.kron(ids, np.ones((5, 5), np.uint16)))
    with pytest.raises(DataError, match="different values, up to 400"):
        learn(tmp_path)
    learnt = learn(tmp_path, "binary")
    assert learnt.table.classes_of(np.array([[0, 7, 400]])).tolist() == [[0, 1, 1]]
    with pytest.raises(DataError, match="at most 255 classes"):
        learn(tmp_path, "classes")


def test_ids_are_read_as_one_class_or_as_classes_when_that_is_said(tmp_path):
    instances(tmp_path)
    assert learn(tmp_path, "binary").names == ("background", "foreground")
    assert len(learn(tmp_path, "classes").names) == 13


def test_every_value_is_a_class_when_that_is_said(tmp_path):
    greys(tmp_path, (0, 255))
    mask = blocks(0, (0, 255), SIZE)
    mask[0, 0] = 100
    write(tmp_path / "0.png", mask.astype(np.uint8))
    assert learn(tmp_path).names == ("background", "foreground")
    assert learn(tmp_path, "classes").names == ("background", "100", "255")


def test_classes_that_are_numbered_are_no_instances(tmp_path):
    for number in range(5):
        write(tmp_path / f"{number}.png", blocks(number, (0, *range(1, 9)), SIZE))
    assert len(learn(tmp_path).names) == 9


def test_photographs_are_no_masks(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        small = Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8))
        write(tmp_path / f"{number}.png", np.asarray(small.resize(SIZE, Image.Resampling.BICUBIC)))
    with pytest.raises(DataError, match="swapped"):
        learn(tmp_path)


def test_too_few_names_are_refused(tmp_path):
    greys(tmp_path, (0, 90, 128, 255))
    (tmp_path / "classes.txt").write_text("background\ncell\n")
    with pytest.raises(DataError, match=r"has 2 names, and the masks .* have 4 values"):
        learn(tmp_path)


def test_classes_are_counted_by_the_table(tmp_path):
    mask = blocks(0, (0, 1, 255), SIZE)
    write(tmp_path / "a.png", mask)
    learnt, count = learn(tmp_path), count_values(tmp_path / "a.png")
    assert learnt.pixels_of(count).tolist() == [(mask == 0).sum(), (mask == 1).sum()]
    assert learnt.strays_of(count) == 0


def test_0_and_1_among_0_and_255_are_refused(tmp_path):
    greys(tmp_path, (0, 255))
    write(tmp_path / "2.png", blocks(2, (0, 1), SIZE))
    with pytest.raises(DataError, match=r"255 \(such as 0\.png\) and others 1 \(such as 2\.png\)"):
        learn(tmp_path)
    assert learn(tmp_path, "binary").names == ("background", "foreground")


def test_a_rare_class_lost_in_jpeg_files_is_told_by_its_pixels(tmp_path):
    """Thin lines of 128, four in a thousand pixels: no class by themselves, and now said."""
    for number in range(4):
        mask = blocks(number, (0, 255), SIZE)
        mask[40, 10:55] = 128
        write(tmp_path / f"{number}.jpg", mask, quality=95)
    learnt = learn(tmp_path)
    assert learnt.names == ("background", "foreground")
    told = re.search(r"split at 127\.5 \(those farther off: (.*)\)$", learnt.reading)
    assert told is not None
    counts = {int(v): int(n) for n, v in re.findall(r"(\d+) pixels? about (\d+)", told[1])}
    assert any(100 < value < 150 and pixels > 30 for value, pixels in counts.items())
