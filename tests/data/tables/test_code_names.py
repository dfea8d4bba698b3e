"""Codes of classes are called as a table beside the annotations says."""

from __future__ import annotations

import pytest
from tests.data.boxed_sets import pictures
from tests.data.drawn_sets import noise, write

from headstart.data.open import open_dataset
from headstart.data.tables.code_names import code_names
from headstart.errors import DataError

ROWS = ["a,/m/01g317,0.1,0.5,0.2,0.6", "b,/m/0k4j,0.1,0.5,0.2,0.6"]
NAMES = "/m/011k07,Tortoise\n/m/01g317,Person\n/m/0k4j,Car\n"


def boxes(root, names="", file="class-descriptions-boxable.csv"):
    pictures(root)
    table = root / "train-annotations-bbox.csv"
    table.write_text("\n".join(["ImageID,LabelName,XMin,XMax,YMin,YMax", *ROWS]) + "\n")
    if names:
        (root / file).write_text(names)
    return table


@pytest.mark.parametrize("names", [NAMES, "LabelName,DisplayName\n" + NAMES])
def test_open_images_has_names(tmp_path, names):
    boxes(tmp_path, names)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.labels.names == ("Car", "Person")
    assert "called as class-descriptions-boxable.csv says" in dataset.reading["files"]


def test_without_them_it_is_said_what_is_missing(tmp_path):
    boxes(tmp_path)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.labels.names == ("/m/01g317", "/m/0k4j")
    assert "class-descriptions-boxable.csv beside the table" in dataset.reading["files"]


def test_either_column_may_hold_the_codes_and_all_must_be_there(tmp_path):
    table = boxes(tmp_path, "person,1\ncar,2\n", "classes.csv")
    assert code_names(table, ["1", "2"])[0] == {"1": "person", "2": "car"}
    assert code_names(table, ["1", "3"]) == ({}, "")


def test_a_table_of_something_else_names_nothing(tmp_path):
    table = boxes(tmp_path, "a.jpg,cat\nb.jpg,cat\nc.jpg,dog\n", "labels.csv")
    assert code_names(table, ["cat", "dog"]) == ({}, "")
    (tmp_path / "label_counts.csv").write_text("cat,5\ndog,7\n")
    assert code_names(table, ["cat", "dog"]) == ({}, "")


def test_two_tables_that_disagree_are_refused(tmp_path):
    table = boxes(tmp_path, NAMES)
    (tmp_path / "classes.csv").write_text(NAMES.replace("Person", "Man"))
    with pytest.raises(DataError, match="name the classes differently"):
        code_names(table, ["/m/01g317"])


def of_things(root):
    rows = ["MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax"]
    for number, stem in enumerate("abab"):
        write(root / f"train/{stem}.jpg", noise(number))
        mask = noise(number)[..., 0] * 0
        mask[5 + 8 * (number // 2) : 12 + 8 * (number // 2), 5:20] = 255
        write(root / f"masks/{stem}_{number}.png", mask)
        code = ("/m/01g317", "/m/0k4j")[number // 2]
        rows.append(f"{stem}_{number}.png,{stem},{code},{number},0.1,0.5,0.2,0.6")
    (root / "train-annotations-object-segmentation.csv").write_text("\n".join(rows) + "\n")
    (root / "class-descriptions-boxable.csv").write_text(NAMES)
    return root


def test_masks_of_things_of_open_images(tmp_path):
    dataset = open_dataset(of_things(tmp_path), task="auto")
    assert dataset.task == "segmentation"
    assert dataset.names == ("train/a.jpg", "train/b.jpg")
    assert dataset.labels.names == ("background", "Car", "Person")
    assert (dataset.labels.pixels[:, 1:] == 7 * 15).all()
    assert "column LabelName says (Car, Person)" in dataset.reading["labels"]


def test_masks_and_boxes_of_open_images_are_two_readings(tmp_path):
    of_things(tmp_path)
    boxes(tmp_path)
    with pytest.raises(DataError, match="say --task detection or --task segmentation"):
        open_dataset(tmp_path, task="auto")


def numbered(root, file, names, codes=("0", "1")):
    for row in range(4):
        write(root / "train_images" / f"{row + 5}.jpg", noise(row))
    rows = [f"{row + 5}.jpg,{codes[row % 2]}" for row in range(4)]
    (root / "train.csv").write_text("\n".join(["image_id,label", *rows]))
    (root / file).write_text(names)
    return open_dataset(root, task="auto")


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("label_num_to_disease_map.json", '{"0": "Blight", "1": "Mosaic", "2": "Healthy"}'),
        ("class_indices.json", '{"Blight": 0, "Mosaic": 1}'),
        ("class_names.csv", "ClassId,SignName\n0,Blight\n1,Mosaic\n"),
    ],
)
def test_classes_of_a_table_are_called_by_their_names(tmp_path, file, names):
    dataset = numbered(tmp_path, file, names)
    assert dataset.labels.names == ("Blight", "Mosaic")
    assert dataset.reading["labels"].endswith(f"called as {file} says")


@pytest.mark.parametrize(
    "names",
    ['{"0": "Blight"}', '{"0": "Blight", "1": "Blight"}', '{"5.jpg": "0", "6.jpg": "1"}', "[0, 1]",
     '{"0": {"name": "Blight"}, "1": {"name": "Mosaic"}}', "{"],
)  # fmt: skip
def test_codes_that_are_not_all_named_stay(tmp_path, names):
    assert numbered(tmp_path, "labels.json", names).labels.names == ("0", "1")


def test_two_files_that_name_codes_differently(tmp_path):
    (tmp_path / "class_german.json").write_text('{"0": "Brand", "1": "Mosaik"}')
    dataset = numbered(tmp_path, "class_english.json", '{"0": "Blight", "1": "Mosaic"}')
    assert dataset.labels.names == ("0", "1")
    assert "name them differently: neither is taken" in dataset.reading["labels"]


def test_numbers_to_learn_have_no_names(tmp_path):
    numbered(tmp_path, "labels.json", '{"0": "Blight", "1": "Mosaic"}')
    assert open_dataset(tmp_path, task="regression").labels.values.tolist() == [0, 1, 0, 1]
