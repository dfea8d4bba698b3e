"""Masks of images are no images where classes or boxes are learnt."""

from __future__ import annotations

from pathlib import Path

from tests.data.boxed_sets import voc
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.files.scan import Tree
from headstart.data.masks.without_masks import without_masks
from headstart.data.open import open_dataset


def test_masks_beside_images_of_class_folders(tmp_path):
    for name in ("benign", "normal"):
        for n in range(3):
            write(tmp_path / name / f"{name} ({n}).png", noise(n))
            write(tmp_path / name / f"{name} ({n})_mask.png", blocks(n, (0, 255)))
    write(tmp_path / "benign/benign (1)_mask_1.png", blocks(9, (0, 255)))
    dataset = open_dataset(tmp_path, task="classification")
    assert len(dataset) == 6
    assert dataset.labels.names == ("benign", "normal")
    ((place, why),) = dataset.set_aside
    assert (place, why[:26]) == (".", "7 masks beside images, suc")


def test_few_names_that_end_like_masks_are_images():
    names = ("a/face.png", "a/face_mask.png", "a/x.png", "a/y.png", "b/z_mask.png", "b/w.png")
    tree = Tree(Path(), names)
    assert without_masks(tree, beside=True) == (tree, [])
    left, right = ("a/x.png", "a/x_l.png"), ("a/y.png", "a/y_l.png")  # left and right, perhaps
    tree = Tree(Path(), (*left, *right))
    assert without_masks(tree, beside=True) == (tree, [])


def test_masks_in_folders_are_no_images_with_boxes(tmp_path):
    voc(tmp_path)
    for path in sorted((tmp_path / "JPEGImages").iterdir()):
        write(tmp_path / f"SegmentationClass/{path.stem}.png", blocks(1, (0, 1)))
        write(tmp_path / f"SegmentationObject/{path.stem}.png", blocks(1, (0, 1)))
    dataset = open_dataset(tmp_path, task="detection")
    assert all(name.startswith("JPEGImages/") for name in dataset.names)
    assert "8 masks left out" in dataset.reading["files"]
