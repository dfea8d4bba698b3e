"""Masks beside their images, which beginnings of names or few colours tell."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.boxed_sets import voc_text
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.files.scan import scan
from headstart.data.masks.beside import masks_beside, pairs_below
from headstart.data.open import open_dataset
from headstart.errors import DataError


def beside(root, image, mask, count=3):
    for n in range(count):
        write(root / image.format(n), noise(n))
        write(root / mask.format(n), blocks(n, (0, 1, 2)))
    return root


@pytest.mark.parametrize(
    ("image", "mask", "how"),
    [
        ("{}.jpg", "{}.png", "by their few colours or their transparency (such as 0.png)"),
        ("x/{}.JPG", "x/{}.bmp", "by their few colours or their transparency (such as 0.bmp)"),
        ("{}.png", "mask_{}.png", "by the beginnings of their names (such as mask_0.png)"),
        ("d/image_{}.png", "d/label_{}.png", "by the beginnings of their names"),
    ],
)
def test_masks_beside_images_are_read_and_how_is_said(tmp_path, image, mask, how):
    dataset = open_dataset(beside(tmp_path, image, mask), task="auto")
    assert dataset.task == "segmentation"
    assert dataset.names == tuple(sorted(image.format(n) for n in range(3)))
    assert dataset.labels.known.all()
    assert how in dataset.reading["files"]
    assert bool(dataset.guessed) == ("colours" in how)


def test_photographs_cut_out_beside_the_whole_ones_are_masks(tmp_path):
    for n in range(3):
        write(tmp_path / f"{n}.jpg", noise(n))
        write(tmp_path / f"{n}.png", np.dstack([noise(n), blocks(n, (0, 255))]))
    labels = open_dataset(tmp_path, task="auto").labels
    assert labels.names == ("background", "foreground")
    assert (labels.read(0) == blocks(0, (0, 1))).all()


def test_folders_of_masks_go_before_what_lies_beside(tmp_path):
    beside(tmp_path, "images/{}.jpg", "masks/{}.png")
    found = pairs_below(scan(tmp_path))
    assert found is not None
    assert found.files == "images in images/; masks in masks/"


@pytest.mark.parametrize("image", ["{}.jpg", "{}.gif"])
def test_copies_in_another_format_are_images(tmp_path, image):
    for n in range(3):
        write(tmp_path / image.format(n), noise(n) if "jpg" in image else blocks(n, (0, 9)))
        write(tmp_path / f"{n}.png", noise(n) if "jpg" in image else blocks(n, (0, 9)))
    assert masks_beside(scan(tmp_path)) == ({}, "")
    assert len(open_dataset(tmp_path, task="auto")) == 6


def test_few_that_have_a_twin_are_no_masks(tmp_path):
    beside(tmp_path, "{}.jpg", "{}.png", count=2)
    for n in range(9, 16):
        write(tmp_path / f"{n}.jpg", noise(n))
    assert masks_beside(scan(tmp_path)) == ({}, "")


def test_they_are_no_images_of_classes_or_with_boxes(tmp_path):
    for folder in ("cats", "dogs"):
        beside(tmp_path / "a" / folder, "{}.jpg", "{}.png")
    dataset = open_dataset(tmp_path / "a", task="classification")
    assert len(dataset) == 6
    assert "6 masks beside images" in dataset.set_aside[0][1]
    beside(tmp_path / "b", "{}.jpg", "{}.png")
    for n in range(3):
        (tmp_path / f"b/{n}.xml").write_text(voc_text([("cat", 4, 6, 24, 26)], (40, 30)))
    assert open_dataset(tmp_path / "b", task="detection").names == ("0.jpg", "1.jpg", "2.jpg")
    with pytest.raises(DataError, match="say --task detection or --task seg"):
        open_dataset(tmp_path / "b", task="auto")
