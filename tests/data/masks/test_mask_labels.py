"""All masks of a set read once: broken ones, odd ones, and those in parts."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import blocks, folder, noise, write

from headstart.data.masks.mask_labels import mask_labels
from headstart.data.masks.parts import Annotated
from headstart.errors import DataError


def of(root, *names):
    return [Annotated((root / name,), ("",)) for name in names]


def test_pixels_and_sizes_are_those_of_the_masks(tmp_path):
    folder(tmp_path, (0, 1, 2))
    read = mask_labels([*of(tmp_path, "masks/0.png", "masks/1.png"), Annotated()], root=tmp_path)
    masks = read.masks
    assert masks.known.tolist() == [True, True, False]
    assert masks.sizes.tolist() == [[40, 30], [40, 30], [0, 0]]
    for row in (0, 1):
        assert masks.pixels[row].tolist() == np.bincount(masks.read(row).ravel()).tolist()
    assert read.reading == "masks of 2: 0 background, 1, 2"


def test_a_broken_mask_is_set_aside_by_name(tmp_path):
    folder(tmp_path)
    (tmp_path / "masks/1.png").write_bytes(b"oops")
    read = mask_labels(of(tmp_path, *(f"masks/{k}.png" for k in range(4))), root=tmp_path)
    assert read.masks.known.tolist() == [True, False, True, True]
    assert read.set_aside[0][0] == "masks/1.png"
    assert "no image that can be read" in read.set_aside[0][1]


def test_no_mask_that_can_be_read_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"oops")
    with pytest.raises(DataError, match=r"none of the masks .* can be read \(a\.png"):
        mask_labels(of(tmp_path, "a.png"), root=tmp_path)


def test_a_photograph_among_masks_is_set_aside(tmp_path):
    folder(tmp_path, count=6)
    write(tmp_path / "masks/2.png", noise(9))
    read = mask_labels(of(tmp_path, *(f"masks/{k}.png" for k in range(6))), root=tmp_path)
    assert read.set_aside[0][0] == "masks/2.png"
    assert not read.masks.known[2]
    assert read.masks.names == ("background", "foreground")
    assert read.reading == "masks of 5: 0 background, 255 foreground"


def test_jpeg_and_transparency_are_flaws(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.jpg", blocks(number, (0, 255), (80, 60)).astype(np.uint8))
    read = mask_labels(of(tmp_path, "0.jpg", "1.jpg", "2.jpg"), root=tmp_path)
    assert read.masks.flaws == ("saved as JPEG",) * 3
    assert (read.masks.strays > 0).all()


def trimaps(root, values, home="trimaps"):
    for number in range(3):
        write(root / f"images/{number}.jpg", noise(number))
        write(root / f"annotations/{home}/{number}.png", blocks(number, values))
    return mask_labels(of(root, *(f"annotations/{home}/{n}.png" for n in range(3))), root=root)


def test_the_border_of_a_trimap_is_nobodys(tmp_path):
    read = trimaps(tmp_path, (2, 3, 1))
    assert read.masks.names == ("foreground", "background")
    assert read.reading == ("masks of 3: 1 foreground, 2 background, 3 ignored (named by trimaps)")
    assert 255 in read.masks.read(0)
    assert trimaps(tmp_path / "b", (2, 3, 1), home="masks").masks.names == ("1", "2", "3")


def test_a_file_of_names_between_root_and_masks(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/label_class_dict.csv").write_text(
        "name,r,g,b\nground,0,0,0\nroad,255,255,255\n"
    )
    assert trimaps(tmp_path, (0, 255), home="masks").masks.names == ("ground", "road")
