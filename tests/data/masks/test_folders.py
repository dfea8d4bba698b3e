"""Folders of images and masks as data sets: splits, lists, classes by folder, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import blocks, folder, noise, write

from headstart.data.files.scan import scan
from headstart.data.masks.folders import are_class_folders, demand_pairs
from headstart.data.masks.pairs import pair_masks
from headstart.data.open import open_dataset
from headstart.errors import DataError


def opened(root, **options):
    return open_dataset(root, **{"task": "segmentation"} | options)


def by_class(root):
    for kind, seed in (("crack", 1), ("dent", 5), ("fine", 0)):
        for number in range(2):
            values = (0,) if kind == "fine" else (0, 255)
            write(root / f"classes/{kind}/{kind}{number}.jpg", noise(seed + number))
            write(root / f"masks/{kind}/{kind}{number}.png", blocks(seed + number, values))


def test_binary_masks_in_class_folders_are_refused_with_both_readings(tmp_path):
    by_class(tmp_path)
    with pytest.raises(DataError, match=r"--label folder:2 .*--label none"):
        opened(tmp_path)


def test_a_folder_says_what_masks_show_when_that_is_said(tmp_path):
    by_class(tmp_path)
    dataset = opened(tmp_path, label="folder:2")
    labels = dataset.labels
    assert labels.names == ("background", "crack", "dent")
    assert "as asked (crack, dent)" in dataset.reading["labels"]
    at = dataset.names.index("classes/dent/dent0.jpg")
    assert set(np.unique(labels.read(at))) == {0, 2}
    assert labels.pixels[at, 1] == 0
    assert labels.pixels[at, 2] == (labels.read(at) == 2).sum()
    empty = dataset.names.index("classes/fine/fine0.jpg")
    assert labels.text(empty) == "background 100%"


def test_a_column_says_what_masks_show(tmp_path):
    by_class(tmp_path)
    rows = [f"classes/{k}/{k}{n}.jpg,{k},p{n}" for k in ("crack", "dent", "fine") for n in range(2)]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,kind,person", *rows]))
    dataset = opened(tmp_path, label="kind", group="person")
    assert dataset.labels.names == ("background", "crack", "dent")
    assert set(dataset.groups) == {"p0", "p1"}
    assert opened(tmp_path, label="none").labels.names == ("background", "foreground")


def test_what_is_asked_for_and_not_there_is_refused(tmp_path):
    folder(tmp_path)
    with pytest.raises(DataError, match=r"no image below .* lies 3 folders deep"):
        opened(tmp_path, label="folder:3")
    with pytest.raises(DataError, match="no column 'kind'"):
        opened(tmp_path, label="kind")


def test_masks_of_several_values_are_not_named_by_folders(tmp_path):
    for number in range(3):
        write(tmp_path / f"images/a/{number}.jpg", noise(number))
        write(tmp_path / f"masks/a/{number}.png", blocks(number, (0, 1, 2)))
    with pytest.raises(DataError, match="--masks binary"):
        opened(tmp_path, label="folder:2")
    assert opened(tmp_path, label="folder:2", masks="binary").labels.names == ("background", "a")


def test_masks_without_images_are_named(tmp_path):
    folder(tmp_path)
    (tmp_path / "images/1.jpg").unlink()
    dataset = opened(tmp_path)
    assert ("masks/1.png", "a mask without an image of its name") in dataset.set_aside


def test_another_naming_is_refused_with_an_example_of_each(tmp_path):
    for number in range(4):
        write(tmp_path / f"images/photo_{number}.jpg", noise(number))
        write(tmp_path / f"masks/{'abcd'[number]}.png", blocks(number, (0, 255)))
    with pytest.raises(
        DataError, match=r"4 of 4 masks .*masks/a\.png; images such as images/photo"
    ):
        opened(tmp_path)


def test_several_folders_of_masks_are_refused(tmp_path):
    folder(tmp_path)
    for number in range(4):
        write(tmp_path / f"labels/{number}.png", blocks(number + 3, (0, 1)))
    with pytest.raises(DataError, match=r"labels/, masks/.*--annotations"):
        opened(tmp_path)


def test_class_folders_are_told(tmp_path):
    by_class(tmp_path)
    tree = scan(tmp_path)
    assert are_class_folders(tree, pair_masks(tree.names))
    folder(tmp_path / "other")
    tree = scan(tmp_path / "other")
    found = pair_masks(tree.names)
    assert not are_class_folders(tree, found)
    assert found is not None
    demand_pairs(tree, found)


def test_several_folders_that_fit_differently_are_two_readings(tmp_path):
    for number in (21, 22, 23):  # as DRIVE has them: vessels, and the field of view
        write(tmp_path / f"training/images/{number}_training.png", noise(number))
        for place, ending in (("1st_manual", "manual1"), ("mask", "training_mask")):
            write(tmp_path / f"training/{place}/{number}_{ending}.png", blocks(number, (0, 255)))
    with pytest.raises(DataError, match=r"1st_manual/, mask/.*--annotations FOLDER"):
        opened(tmp_path)
    assert opened(tmp_path, annotations="1st_manual").labelled.all()


def test_folders_of_places_are_no_classes_where_files_say_that_they_are_masks(tmp_path):
    for city in ("aachen", "bonn"):
        for split in ("train", "val"):
            stem = f"{split}/{city}/{city}_1"
            write(tmp_path / f"leftImg8bit/{stem}_leftImg8bit.png", noise(1))
            write(tmp_path / f"gtFine/{stem}_gtFine_labelIds.png", blocks(1, (0, 7, 9)))
    assert opened(tmp_path, task="auto").task == "segmentation"
