"""What folders of masks and of images are called."""

from __future__ import annotations

from headstart.data.masks.folder_words import (
    are_instances,
    bare_folder,
    class_of_folder,
    folders_around,
    in_masks,
    is_mask_folder,
    split_folder,
)


def test_folders_of_masks_are_known_by_their_words():
    assert all(map(is_mask_folder, ("masks", "train_masks", "GT", "SegmentationClass")))
    assert all(map(is_mask_folder, ("ManualMask", "leftMask", "labelsTr", "ann_dir")))
    assert not any(map(is_mask_folder, ("images", "masked_faces", "train", "JPEGImages")))
    assert are_instances("SegmentationObject")
    assert not are_instances("SegmentationClass")


def test_what_is_left_of_a_folder_says_where_it_belongs():
    assert bare_folder("imagesTr") == bare_folder("labelsTr") == "train"
    assert bare_folder("img_dir") == bare_folder("ann_dir") == "dir"
    assert bare_folder("leftImg8bit") == bare_folder("SegmentationClass") == ""
    assert bare_folder("training_images") == bare_folder("valannot").replace("val", "train")


def test_a_folder_around_both_is_no_folder_of_masks():
    names = ["Kvasir-SEG/images/a.jpg", "Kvasir-SEG/masks/a.jpg", "seg/b.png"]
    around = folders_around(names)
    assert around == {"Kvasir-SEG"}
    assert [in_masks(name, around) for name in names] == [False, True, True]


def test_what_lies_in_kittis_folders():
    assert [is_mask_folder(each) for each in ("semantic", "semantic_rgb")] == [True, True]
    assert are_instances("instance")
    assert split_folder("imagesTs") == "test"
    assert split_folder("training") == "train"
    assert split_folder("images") is None


def test_classes_are_called_as_people_write_them():
    assert class_of_folder("2. Haemorrhages") == "2. Haemorrhages"
    assert class_of_folder("Cat_masks") == "cat"
