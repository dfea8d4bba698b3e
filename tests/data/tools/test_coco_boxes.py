"""COCO: own class numbers, crowds, what is listed and what is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.data.boxed_sets import BOXES, coco, coco_json

from headstart.data.open import open_dataset
from headstart.data.tools.coco_boxes import has_coco_boxes
from headstart.errors import DataError


def changed(root, change):
    coco(root)
    content = coco_json()
    change(content)
    (root / "instances.json").write_text(json.dumps(content))
    return open_dataset(root, task="detection")


def test_crowds_and_numbers_of_categories_are_kept(tmp_path):
    def change(content):
        content["annotations"][1]["iscrowd"] = 1
        content["annotations"][2]["ignore"] = 1
        content["categories"].append({"id": 5, "name": "bird"})

    dataset = changed(tmp_path, change)
    assert dataset.labels.crowd.tolist() == [False, True, *[False] * 4]
    assert dataset.labels.difficult.tolist() == [False, False, True, *[False] * 3]
    assert dataset.labels.ids == (3, 5, 7)
    assert dataset.labels.names == ("cat", "dog")
    assert "never annotated: bird" in dataset.reading["labels"]


def test_what_belongs_to_nothing_is_said(tmp_path):
    def change(content):
        content["annotations"][0]["category_id"] = 99
        content["annotations"][2]["image_id"] = 77

    dataset = changed(tmp_path, change)
    aside = dict(dataset.set_aside)
    assert aside["a.jpg"] == "1 annotation of instances.json without a category of the file"
    assert aside["instances.json"] == "1 annotation of images that it does not list"


def test_a_box_without_numbers_is_kept_to_be_found(tmp_path):
    def change(content):
        del content["annotations"][0]["bbox"]
        content["annotations"][1]["bbox"] = [1, 2, "x", 4]

    labels = changed(tmp_path, change).labels
    assert np.isnan(labels.corners[:2]).any(axis=1).all()
    assert labels.usable.tolist() == [False, False, True, True, True, True]


def test_several_files_that_no_split_tells_apart_are_refused(tmp_path):
    coco(tmp_path)
    (tmp_path / "more.json").write_text(json.dumps(coco_json()))
    with pytest.raises(DataError, match=r"several files hold boxes .*--annotations FILE"):
        open_dataset(tmp_path, task="detection")


def test_of_the_files_of_coco_itself_the_instances_are_read(tmp_path):
    coco(tmp_path)
    (tmp_path / "instances.json").unlink()
    (tmp_path / "annotations").mkdir()
    half = {"train": "abc", "val": "d"}
    for split, stems in half.items():
        text = json.dumps(coco_json({stem: BOXES[stem] for stem in stems}))
        for kind in ("instances", "person_keypoints"):
            (tmp_path / f"annotations/{kind}_{split}2017.json").write_text(text)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.splits.tolist() == ["train", "train", "train", "val"]
    assert "person" not in dataset.reading["files"]


def test_detections_are_no_annotations(tmp_path):
    coco(tmp_path)
    found = tmp_path / "found.json"
    found.write_text(json.dumps([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]))
    with pytest.raises(DataError, match="holds detections with scores"):
        open_dataset(tmp_path, task="detection", annotations=found)
    found.write_text("{")
    with pytest.raises(DataError, match=r"found\.json is not readable JSON|no COCO file"):
        open_dataset(tmp_path, task="detection", annotations=found)


def test_what_is_coco_and_what_is_not():
    assert has_coco_boxes(coco_json())
    assert has_coco_boxes(coco_json() | {"annotations": []})
    assert not has_coco_boxes(coco_json() | {"annotations": [{"caption": "a cat"}]})
    assert not has_coco_boxes([])
    assert not has_coco_boxes({"images": {}, "annotations": []})


def test_two_categories_that_are_one_and_blanks_around_are_said(tmp_path):
    def change(content):
        content["categories"][1]["name"] = " dog"
        content["categories"].append({"id": 9, "name": "cat"})
        content["annotations"][0]["category_id"] = 9

    dataset = changed(tmp_path, change)
    assert dataset.labels.names == ("cat", "dog")
    said = [why for _, why in dataset.set_aside]
    assert "two categories are called cat: taken for one" in said
    assert any("' dog' has blanks" in why for why in said)


def test_an_image_whose_classes_are_unknown_is_not_one_without_objects(tmp_path):
    dataset = changed(tmp_path, lambda content: content["annotations"][2].update(category_id=99))
    assert dataset.labels.annotated.tolist() == [True, False, True, True]
    assert "nothing is on 1 of them" in dataset.reading["labels"]
    assert dict(dataset.set_aside)["b.jpg"].startswith("1 annotation of instances.json without")


def test_numbers_that_are_written_as_text_are_the_same_numbers(tmp_path):
    def change(content):
        for each in content["annotations"]:
            each.update(image_id=str(each["image_id"]), category_id=str(each["category_id"]))

    assert changed(tmp_path, change).labels.counts.tolist() == [2, 1, 0, 3]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["images"][1].update(id=0), r"number 0 to a\.jpg and to b\.jpg"),
        (lambda c: c["categories"][1].update(id=3), "number 3 to two categories, cat and dog"),
        (lambda c: c["annotations"].insert(1, "oops"), "number 2 of its annotations is 'oops'"),
        (lambda c: c["categories"].append(None), "number 3 of its categories is 'None'"),
        (lambda c: c["images"][0].update(id=[1]), r"image a\.jpg has no number"),
        (lambda c: c.update(annotations=[]), "holds no box at all"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_in_plain_words(tmp_path, change, said):
    with pytest.raises(DataError, match=said) as refused:
        changed(tmp_path, change)
    assert "instances.json" in str(refused.value)
    assert "object has no attribute" not in str(refused.value)


def test_an_image_that_is_listed_twice_has_the_boxes_of_both(tmp_path):
    dataset = changed(tmp_path, lambda content: content["images"][1].update(file_name="a.jpg"))
    assert dataset.labels.counts.tolist() == [3, 0, 0, 3]
    assert "listed more than once" in dict(dataset.set_aside)["a.jpg"]


def test_a_category_without_a_name_is_called_by_its_number(tmp_path):
    dataset = changed(tmp_path, lambda content: content["categories"][0].update(name=None))
    assert dataset.labels.names == ("3", "dog")


def test_utf_16_is_found_as_any_other(tmp_path):
    coco(tmp_path)
    (tmp_path / "instances.json").write_bytes(json.dumps(coco_json()).encode("utf-16"))
    assert open_dataset(tmp_path, task="detection").labels.counts.tolist() == [2, 1, 0, 3]


def test_an_outline_without_a_box_has_the_one_around_it(tmp_path):
    def change(content):
        del content["annotations"][0]["bbox"]
        content["annotations"][0]["segmentation"] = [[4, 6, 24, 6, 14, 26]]

    assert changed(tmp_path, change).labels.corners[0].tolist() == [4, 6, 24, 26]


def test_boxes_of_five_numbers_are_refused(tmp_path):
    def change(content):
        for each in content["annotations"]:
            each["bbox"].append(30)

    with pytest.raises(DataError, match="no box has four numbers"):
        changed(tmp_path, change)


def test_files_of_one_name_are_told_by_their_folders(tmp_path):
    for split, stems in (("train", "ab"), ("test", "d")):
        coco(tmp_path / split, {stem: BOXES[stem] for stem in stems})
    files = open_dataset(tmp_path, task="detection").reading["files"]
    assert files == "test/instances.json, train/instances.json (COCO)"
