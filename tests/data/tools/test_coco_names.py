"""Names of COCO's categories where they have none, or share one."""

from __future__ import annotations

import json

import pytest
from tests.data.drawn_sets import noise, write

from headstart.data.open import open_dataset
from headstart.data.tools.coco_names import category_names, said_of_categories


def test_a_name_goes_before_what_it_belongs_to_and_that_before_the_number():
    given = [
        {"id": 1, "name": "cat", "supercategory": "animal"},
        {"id": 2, "supercategory": "vehicle"},
        {"id": 3},
    ]
    assert [name for name, _ in category_names(given)] == ["cat", "vehicle", "3"]
    assert said_of_categories(given) == [
        "category 2 has no name: called vehicle, after its supercategory",
        "category 3 has no name: called by its number",
    ]


def test_what_several_belong_to_names_none_of_them():
    given = [{"id": 1, "supercategory": "none"}, {"id": 2, "supercategory": "none"}]
    assert [name for name, _ in category_names(given)] == ["1", "2"]


@pytest.mark.parametrize("outlines", [False, True])
def test_boxes_and_masks_say_it(tmp_path, outlines):
    write(tmp_path / "a.jpg", noise(1))
    area = {"segmentation": [[2, 2, 20, 2, 20, 20]]} if outlines else {}
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": n, "bbox": [2, 2, 18, 18], **area}
            for n in (1, 2, 3)
        ],
        "categories": [
            {"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}, {"id": 3, "supercategory": "dog"},
        ],
    }  # fmt: skip
    (tmp_path / "coco.json").write_text(json.dumps(content))
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == ("segmentation" if outlines else "detection")
    assert {"dog"} <= set(dataset.labels.names)
    assert ("coco.json", "two categories are called cat: taken for one") in dataset.set_aside
    assert any("called dog, after its super" in why for _, why in dataset.set_aside)
