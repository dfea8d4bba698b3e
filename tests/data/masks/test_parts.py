"""Masks in parts: a file for each class or object of an image."""

from __future__ import annotations

import numpy as np
from tests.data.drawn_sets import blocks, write

from headstart.data.masks.mask_labels import mask_labels
from headstart.data.masks.parts import Annotated


def test_objects_in_files_of_their_own_are_one_class(tmp_path):
    found = []
    for number in range(3):
        files = []
        for part in range(2):
            files.append(tmp_path / f"{number}_{part}.png")
            mask = np.zeros((10, 10), np.uint8)
            mask[part * 5 : part * 5 + 3, 1:4] = 255
            write(files[-1], mask)
        found.append(Annotated(tuple(files), ("object", "object")))
    read = mask_labels(found, root=tmp_path)
    assert read.masks.names == ("background", "foreground")
    assert read.masks.pixels[0].tolist() == [82, 18]
    assert "each file a part of the foreground" in read.reading


def test_parts_that_are_only_numbers_are_objects(tmp_path):
    write(tmp_path / "a.png", blocks(0, (0, 255)))
    read = mask_labels([Annotated((tmp_path / "a.png",), ("12",))], root=tmp_path)
    assert read.masks.names == ("background", "foreground")


def test_a_folder_of_all_masks_is_no_class_where_their_values_are(tmp_path):
    found = []
    for number in range(3):
        write(tmp_path / f"{number}.png", blocks(number, (1, 2, 3)))
        found.append(Annotated((tmp_path / f"{number}.png",), ("trimaps",)))
    assert mask_labels(found, root=tmp_path).masks.names == ("1", "2", "3")


def test_an_image_of_which_a_part_is_broken_is_not_annotated(tmp_path):
    write(tmp_path / "a.png", blocks(0, (0, 255)))
    (tmp_path / "b.png").write_bytes(b"oops")
    both = Annotated((tmp_path / "a.png", tmp_path / "b.png"), ("crack", "dent"))
    read = mask_labels([both, Annotated((tmp_path / "a.png",), ("crack",))], root=tmp_path)
    assert read.masks.known.tolist() == [False, True]
