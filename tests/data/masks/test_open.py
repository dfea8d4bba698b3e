"""Which reader takes images with masks; what is said, and what is refused."""

from __future__ import annotations

import pytest
from tests.data.drawn_sets import blocks, folder, noise, write

from headstart.data.masks.open import open_masks
from headstart.data.open import open_dataset
from headstart.data.reading import reading_of
from headstart.data.tables.roles import Columns
from headstart.errors import DataError


def test_images_and_masks_are_found_by_looking_and_said(tmp_path, caplog):
    folder(tmp_path)
    (tmp_path / "classes.txt").write_text("0 ground\n255 person\n")
    with caplog.at_level("INFO", "headstart.data"):
        dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == "segmentation"
    assert (
        "images in images/; masks in masks/; labels: masks of 4: 0 ground, 255 person "
        "(named by classes.txt)" in caplog.text
    )
    assert "masks of 4" in reading_of(dataset)


def test_nothing_is_read_as_masks_unless_there_are_some(tmp_path):
    write(tmp_path / "a/1.jpg", noise(1))
    write(tmp_path / "b/2.jpg", noise(2))
    assert open_masks(tmp_path, Columns(), sure=False) == (None, "")
    with pytest.raises(DataError, match=r"holds no masks: give images/ and masks/"):
        open_masks(tmp_path, Columns())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images below"):
        open_masks(tmp_path / "empty", Columns())


def test_class_folders_beside_masks_stay_classes_and_that_is_said(tmp_path):
    for kind in ("crack", "dent"):
        write(tmp_path / f"classes/{kind}/1.jpg", noise(1))
        write(tmp_path / f"masks/{kind}/1.png", blocks(1, (0, 255)))
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == "classification"
    assert "not masks in masks/crack/, masks/dent/ (--task segm" in dataset.reading["labels"]


def test_masks_in_class_folders_are_two_readings(tmp_path):
    for kind in ("benign", "malignant"):
        for n in range(2):
            write(tmp_path / f"{kind}/{kind} ({n}).png", noise(n))
            write(tmp_path / f"{kind}/{kind} ({n})_mask.png", blocks(n, (0, 255)))
    with pytest.raises(DataError, match=r"--task segmentation .*--task classification"):
        open_dataset(tmp_path, task="auto")
    assert open_dataset(tmp_path, task="segmentation").labelled.all()


def test_a_folder_of_masks_elsewhere_is_named(tmp_path):
    folder(tmp_path / "set")
    (tmp_path / "set/masks").rename(tmp_path / "drawn")
    dataset = open_dataset(
        tmp_path / "set/images", task="segmentation", annotations=tmp_path / "drawn"
    )
    assert dataset.labelled.all()
    assert dataset.reading["files"].endswith("drawn, as asked")
    named = open_dataset(tmp_path / "set/images", annotations=tmp_path / "drawn", task="auto")
    assert named.task == "segmentation"


def test_the_folder_that_is_meant_is_told_of_two(tmp_path):
    for number in range(3):
        write(tmp_path / f"training/images/2{number}_training.tif", noise(number))
        write(tmp_path / f"training/1st_manual/2{number}_manual1.gif", blocks(number, (0, 255)))
        write(tmp_path / f"training/mask/2{number}_training_mask.gif", blocks(0, (0, 255)))
    with pytest.raises(DataError, match=r"1st_manual/, mask/.*--annotations FOLDER"):
        open_dataset(tmp_path, task="segmentation")
    dataset = open_dataset(
        tmp_path, task="segmentation", annotations=tmp_path / "training/1st_manual"
    )
    assert dataset.labelled.all()
    assert "files" in dataset.guessed


def test_annotations_that_are_not_there_are_refused(tmp_path):
    folder(tmp_path)
    for wrong, why in (("gone", "no such file"), ("images/0.jpg", "a file of COCO")):
        with pytest.raises(DataError, match=why):
            open_dataset(tmp_path, task="segmentation", annotations=tmp_path / wrong)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="neither masks nor JSON"):
        open_dataset(tmp_path, task="segmentation", annotations=tmp_path / "none")


def test_a_table_in_the_folder_is_found(tmp_path):
    for n in range(3):
        write(tmp_path / f"a/{n}.jpg", noise(n))
        write(tmp_path / f"b/x{n}.png", blocks(n, (0, 255)))
    rows = [f"a/{n}.jpg,b/x{n}.png" for n in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["image,mask", *rows]))
    assert open_dataset(tmp_path, task="segmentation").labelled.all()


def test_swapped_folders_are_refused(tmp_path):
    folder(tmp_path)
    (tmp_path / "images").rename(tmp_path / "x")
    (tmp_path / "masks").rename(tmp_path / "images")
    (tmp_path / "x").rename(tmp_path / "masks")
    with pytest.raises(DataError, match="not swapped"):
        open_dataset(tmp_path, task="segmentation")


def test_masks_are_read_as_they_are_told(tmp_path):
    folder(tmp_path, (0, 1, 2, 3))
    assert len(open_dataset(tmp_path, task="segmentation").labels.names) == 4
    told = open_dataset(tmp_path, task="segmentation", masks="binary")
    assert told.labels.names == ("background", "foreground")


def test_a_folder_of_masks_in_each_split_is_named_without_its_path(tmp_path):
    for split, first in (("training", 1), ("test", 4)):
        for n in range(first, first + 3):
            write(tmp_path / f"{split}/images/0{n}_{split}.png", noise(n))
            write(tmp_path / f"{split}/1st_manual/0{n}_manual1.png", blocks(n, (0, 255)))
            write(tmp_path / f"{split}/mask/0{n}_{split}_mask.png", blocks(n, (255, 0)))
    with pytest.raises(DataError, match=r"1st_manual/, mask/"):
        open_dataset(tmp_path, task="auto")
    dataset = open_dataset(tmp_path, task="auto", annotations="1st_manual")
    assert dataset.labelled.all()
    assert sorted(set(dataset.splits.tolist())) == ["test", "train"]
    with pytest.raises(DataError, match="no such file or folder"):
        open_dataset(tmp_path, task="auto", annotations="2nd_manual")


def test_ade20k_as_it_was_annotated_is_refused(tmp_path):
    for name in ("x.jpg", "x_seg.png", "x_parts_1.png"):
        write(tmp_path / name, noise(1))
    with pytest.raises(DataError, match="its release for scene parsing"):
        open_dataset(tmp_path, task="auto")


def test_masks_of_several_kinds_are_told_apart_by_their_ending(tmp_path):
    for n in range(4):
        write(tmp_path / f"leftImg8bit/x_{n}_leftImg8bit.png", noise(n))
        write(tmp_path / f"gtFine/x_{n}_gtFine_labelIds.png", blocks(n, (0, 7, 26)))
        write(tmp_path / f"gtFine/x_{n}_gtFine_labelTrainIds.png", blocks(n, (255, 1, 13, 11)))
    with pytest.raises(DataError, match="such as --annotations _labelIds"):
        open_dataset(tmp_path, task="auto")
    one = open_dataset(tmp_path, task="segmentation", annotations="_labelIds")
    assert one.labels.names == ("background", "7", "26")
    other = open_dataset(tmp_path, task="auto", annotations="_labelTrainIds.png")
    assert other.labels.names == ("1", "11", "13")
