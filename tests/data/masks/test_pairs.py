"""Which mask belongs to which image, in every layout that people use."""

from __future__ import annotations

import re

import pytest

from headstart.data.masks.pairs import (
    is_called_mask,
    pair_masks,
    split_by_folders,
)


def pairs(*names):
    found = pair_masks(names)
    assert found is not None
    return {image: list(masks) for image, masks in zip(found.images, found.masks, strict=True)}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("images/a.jpg", "masks/a.png"),
        ("images/a.jpg", "labels/a.png"),
        ("images/a.jpg", "annotations/a.png"),
        ("images/a.jpg", "masks/a_mask.png"),
        ("img/a.jpg", "GT/a.png"),
        ("JPEGImages/a.jpg", "SegmentationClass/a.png"),
        ("train/images/a.jpg", "train/masks/a.png"),
        ("images/train/a.jpg", "masks/train/a.png"),
        ("images/training/a.jpg", "annotations/train/a.png"),
        ("train_images/a.jpg", "train_masks/a.png"),
        ("train/a.jpg", "train_labels/a_L.png"),
        ("train/a.jpg", "trainannot/a.png"),
        ("img_dir/train/a.jpg", "ann_dir/train/a.png"),
        ("imagesTr/a.png", "labelsTr/a.png"),
        ("images/classA/a.jpg", "masks/classA/a.png"),
        ("a.jpg", "a_mask.png"),
        ("a.jpg", "a_seg.png"),
        ("a.jpg", "a-mask.png"),
        ("a.jpg", "a_gt.png"),
        ("a.jpg", "a_label.png"),
        ("a.jpg", "a.mask.png"),
        ("a_image.jpg", "a_mask.png"),
        ("leftImg8bit/train/x/a_leftImg8bit.png", "gtFine/train/x/a_gtFine_labelIds.png"),
        ("images/café.jpg", "masks/café.png"),
        ("images/A.JPG", "masks/a.png"),
    ],
)
def test_a_mask_has_the_name_of_its_image(image, mask):
    assert pairs(image, mask) == {image: [mask]}


def test_images_without_masks_stay():
    assert pairs("images/a.jpg", "images/b.jpg", "masks/a.png")["images/b.jpg"] == []


def test_masks_without_images_are_lost():
    found = pair_masks(["images/a.jpg", "masks/a.png", "masks/b.png"])
    assert found is not None
    assert found.lost == ("masks/b.png",)


def test_the_same_name_in_two_splits_is_two_images():
    names = [f"{kind}/{split}/1.png" for kind in ("images", "masks") for split in ("train", "test")]
    assert pairs(*names) == {f"images/{s}/1.png": [f"masks/{s}/1.png"] for s in ("test", "train")}


def test_instances_of_voc_are_no_classes():
    names = ["JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png"]
    assert pairs(*names) == {"JPEGImages/a.jpg": ["SegmentationClass/a.png"]}


def test_of_cityscapes_the_ids_of_labels_are_taken():
    start = "gtFine/train/x/a_gtFine_"
    names = ["leftImg8bit/train/x/a_leftImg8bit.png"]
    names += [f"{start}{kind}.png" for kind in ("labelIds", "instanceIds", "color")]
    assert pairs(*names) == {names[0]: [f"{start}labelIds.png"]}


def test_two_masks_of_one_name_are_none():
    found = pair_masks(["images/a.jpg", "masks/a.png", "labels/a.png"])
    assert found is not None
    assert found.masks == ((),)
    assert set(found.several["images/a.jpg"]) == {"masks/a.png", "labels/a.png"}


def test_a_folder_in_the_masks_says_what_they_show():
    found = pair_masks(["images/a.jpg", "masks/crack/a.png", "masks/dent/a.png"])
    assert found is not None
    assert found.masks == (("masks/crack/a.png", "masks/dent/a.png"),)
    assert found.parts == (("crack", "dent"),)
    found = pair_masks(["images/a.jpg", "masks/a/crack.png", "masks/a/dent.png"])
    assert found is not None
    assert found.parts == (("crack", "dent"),)


def test_a_folder_for_each_image_holds_one_mask_for_each_object():
    found = pair_masks(["x1/images/x1.png", "x1/masks/aa.png", "x1/masks/bb.png"])
    assert found is not None
    assert found.parts == (("object", "object"),)


def test_names_that_differ_by_what_all_share_are_paired_and_guessed():
    names = [f"images/img_{k}.jpg" for k in range(3)] + [f"masks/gt-{k}.png" for k in range(3)]
    found = pair_masks(names)
    assert found is not None
    assert found.masks == tuple((f"masks/gt-{k}.png",) for k in range(3))
    assert found.guessed


@pytest.mark.parametrize(
    "names",
    [
        ["cat/1.jpg", "dog/1.jpg"],
        ["with_mask/1.jpg", "without_mask/1.jpg"],
        ["mask/1.jpg", "no mask/1.jpg", "other/1.jpg"],
    ],
)
def test_classes_are_no_pairs(names):
    found = pair_masks(names)
    assert found is None or not any(found.masks)


def test_masks_that_were_named_are_found_by_name_alone():
    found = pair_masks(["a/1.jpg", "masks/1.png", "else/1.png"], ["else/1.png"])
    assert found is not None
    assert found.masks == (("else/1.png",),)


def test_splits_are_told_by_folders():
    assert split_by_folders(["train/images/a", "test_unlabelled/images/b"]) == ("train", "test")
    assert split_by_folders(["images/val/a", "images/train/b"]) == ("val", "train")
    assert split_by_folders(["images/a", "images/b"]) == ("", "")


def test_numbers_in_the_names_of_folders_may_differ():
    own = "ISIC2018_Task1-2_Training_Input/ISIC_1.jpg"
    mask = "ISIC2018_Task1_Training_GroundTruth/ISIC_1_segmentation.png"
    assert pairs(own, mask) == {own: [mask]}
    # where names clash without the numbers, these tell the folders apart
    several = pairs("p_1_x/images/a.jpg", "p_2_x/images/a.jpg", "p_3_x/masks/a.png")
    assert not any(several.values())


def test_endings_that_each_folder_has_are_taken_off():
    names = [f"training/images/{n}_training.tif" for n in (21, 22, 23)]
    names += [f"test/images/0{n}_test.tif" for n in (1, 2, 3)]
    masks = [f"training/1st_manual/{n}_manual1.gif" for n in (21, 22, 23)]
    masks += [f"test/1st_manual/0{n}_manual1.gif" for n in (1, 2, 3)]
    found = pair_masks([*names, *masks], masks)
    assert found is not None
    assert [each[0][-14:-12] for each in found.masks] == ["01", "02", "03", "21", "22", "23"]


@pytest.mark.parametrize("folder", ["alpha", "alpha_mask", "mattes"])
def test_folders_of_alpha_hold_masks(folder):
    assert pairs("images/1.jpg", f"{folder}/1.png") == {"images/1.jpg": [f"{folder}/1.png"]}


def test_superpixels_are_neither_images_nor_masks():
    found = pairs("data/x_1.jpg", "data/x_1_superpixels.png", "gt/x_1_segmentation.png")
    assert found == {"data/x_1.jpg": ["gt/x_1_segmentation.png"]}


def test_a_mask_is_called_so_by_its_folder_and_its_ending():
    assert is_called_mask("gtFine/train/a/a_1_gtFine_labelIds.png")
    assert not is_called_mask("segmentations/a/a_1.png")
    assert not is_called_mask("a/a_1_mask.png")


def test_a_folder_around_images_and_masks_is_neither():
    found = pairs("Kvasir-SEG/images/a.jpg", "Kvasir-SEG/masks/a.jpg")
    assert found == {"Kvasir-SEG/images/a.jpg": ["Kvasir-SEG/masks/a.jpg"]}


def test_several_masks_beside_an_image_that_are_numbered_are_parts_of_one():
    found = pair_masks(["x (1).png", "x (1)_mask.png", "x (1)_mask_1.png", "y.png", "y_mask.png"])
    assert found.images == ("x (1).png", "y.png")
    assert found.masks == (("x (1)_mask.png", "x (1)_mask_1.png"), ("y_mask.png",))
    assert found.parts == (("object", "object"), ("object",))
    faces = pairs("a/face_mask_1.jpg", "a/face_mask_2.jpg", "a/b.jpg", "a/b_mask.png")
    assert set(faces) == {"a/face_mask_1.jpg", "a/face_mask_2.jpg", "a/b.jpg"}


def test_parts_beside_the_only_folder_of_images_whatever_it_is_called():
    found = pair_masks(
        [f"{home}/{n}.png" for home in ("CXR_png", "ManualMask/leftMask", "ManualMask/rightMask")
         for n in "12"]
    )  # fmt: skip
    assert found.parts == (("left", "right"),) * 2
    assert found.guessed


def test_words_after_the_name_of_an_image_say_what_a_mask_shows():
    names = [f"images/a_{n}.jpg" for n in range(3)]
    masks = [f"masks/a_{n}_{word}.png" for n in range(3) for word in ("EX", "HE")]
    found = pair_masks([*names, *masks])
    assert found is not None
    assert found.parts == (("EX", "HE"),) * 3
    assert found.guessed
    lone = pair_masks([*names, *masks[:1], "masks/b_1.png"])  # one word for one image tells nothing
    assert lone is not None
    assert not any(lone.masks)


def test_folders_call_classes_as_people_write_them():
    found = pair_masks(["images/a.jpg", "masks/2. Haemorrhages/a.png", "masks/Cat_masks/a.png"])
    assert found is not None
    assert found.parts == (("2. Haemorrhages", "cat"),)


def test_folders_of_nnunet_are_splits():
    assert split_by_folders(["d/imagesTr/a.png", "d/imagesTs/b.png"]) == ("train", "test")


def test_drawings_of_masks_are_neither_images_nor_masks():
    shown = [
        "JPEGImages/a.jpg",
        "SegmentationClassPNG/a.png",
        "SegmentationClassVisualization/a.jpg",
    ]
    assert pairs(*shown) == {"JPEGImages/a.jpg": ["SegmentationClassPNG/a.png"]}


@pytest.mark.parametrize(("head", "end"), [("", ""), ("img_", "_mask"), ("scan ", "")])
def test_numbers_are_one_whatever_zeros_they_begin_with(head, end):
    """Of 1 to 120 as many as have three figures had found a mask, the others none."""
    many = range(95, 121)
    names = [f"images/{head}{n}.png" for n in many]
    names += [f"masks/{head and 'm'}{n:03}{end}.png" for n in many]
    found = pair_masks(names)
    assert found is not None
    for image, masks in zip(found.images, found.masks, strict=True):
        assert [int(re.findall(r"\d+", mask)[0]) for mask in masks] == [
            int(re.findall(r"\d+", image)[0])
        ]
    assert found.guessed
    assert f"paired by number, as images/{head}95.png with masks/" in found.files


def test_numbers_that_do_not_pair_every_mask_pair_none_with_other_zeros():
    names = [f"images/{n}.png" for n in range(1, 9)]
    for odd in ("masks/030.png", "masks/01.png"):
        found = pair_masks([*names, *(f"masks/{n:03}.png" for n in range(1, 7)), odd])
        assert found is not None
        assert not any(found.masks)
    twins = pair_masks([*names, "images/01.png", "masks/001.png", "masks/002.png"])
    assert twins is not None
    assert not any(twins.masks)
