"""Splits of images with masks."""

from __future__ import annotations

from tests.data.drawn_sets import blocks, folder, noise, paletted, write

from headstart.data.masks.splits import with_splits
from headstart.data.open import open_dataset


def opened(root, **options):
    return open_dataset(root, **{"task": "segmentation"} | options)


def test_splits_come_of_folders_and_unlabelled_ones_are_none(tmp_path):
    folder(tmp_path / "train", count=3)
    write(tmp_path / "test_unlabelled/images/9.jpg", noise(9))
    dataset = opened(tmp_path)
    assert dataset.splits.tolist() == ["", "train", "train", "train"]
    assert dataset.labelled.tolist() == [False, True, True, True]
    assert dataset.reading["splits"] == "by folders (train 3)"


def voc(root):
    for number in range(4):
        write(root / f"JPEGImages/2007_{number}.jpg", noise(number))
        if number < 3:
            colours = [(number, number, 0) for number in range(256)]
            mask = blocks(number, (0, 1, 15, 255))
            (root / "SegmentationClass").mkdir(exist_ok=True)
            paletted(root / f"SegmentationClass/2007_{number}.png", mask, colours)
    (root / "Annotations").mkdir()
    (root / "Annotations/2007_0.xml").write_text("<annotation/>")
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_0\n2007_1\n")
    (lists / "val.txt").write_text("2007_2\n")
    (lists / "trainval.txt").write_text("2007_0\n2007_1\n2007_2\n")


def test_voc_is_read_by_its_lists_with_255_ignored(tmp_path):
    voc(tmp_path)
    dataset = opened(tmp_path, task="auto")
    assert dataset.task == "segmentation"
    assert dataset.splits.tolist() == ["train", "train", "val"]
    assert dataset.labels.names == ("background", "1", "15")
    assert "255 ignored" in dataset.reading["labels"]
    assert (dataset.labels.read(0) == 255).any()
    assert (".", "1 image without a mask and on no list") in dataset.set_aside
    assert dataset.labels.palette.tolist() == [[0, 0, 0], [1, 1, 0], [15, 15, 0]]


def test_a_split_without_masks_is_none(tmp_path):
    folder(tmp_path)
    dataset = opened(tmp_path)
    assert with_splits(dataset).reading["splits"] == "none"


def test_trainval_is_what_is_trained_on_where_no_list_is_called_train(tmp_path):
    folder(tmp_path, count=4)
    (tmp_path / "trainval.txt").write_text("0 1 1\n1 1 1\n2 1 1\n")
    (tmp_path / "test.txt").write_text("3 1 1\n")
    assert opened(tmp_path).splits.tolist() == ["train", "train", "train", "test"]
