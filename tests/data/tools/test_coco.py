"""COCO's JSON: polygons, run lengths, crowds, and what is damaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.data.annotations.test_rle import encoded, runs_of

from headstart.data.tools.coco import draws_boxes_only, is_coco, read_coco
from headstart.errors import DataError

SQUARE = [2, 2, 6, 2, 6, 5, 2, 5]


def content(annotations, images=None, categories=None):
    return {
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 8}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 7} | each for n, each in enumerate(annotations)
        ],
        "categories": categories or [{"id": 9, "name": "dog"}, {"id": 7, "name": "cat"}],
    }


def read(tmp_path, *contents):
    paths = []
    for number, each in enumerate(contents):
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(each))
    return read_coco(paths)


def test_polygons_of_several_parts_are_one_area(tmp_path):
    drawn = read(tmp_path, content([{"segmentation": [SQUARE, [7, 0, 9, 0, 9, 2, 7, 2]]}]))
    assert drawn.names == ("background", "cat", "dog")
    mask = drawn.masks["a.jpg"].read()
    assert mask.shape == (8, 10)
    assert (mask == 1).sum() == 12 + 4


@pytest.mark.parametrize("compressed", [False, True])
def test_run_lengths_in_both_writings(tmp_path, compressed):
    area = np.zeros((8, 10), bool)
    area[3:6, 4:9] = True
    runs = runs_of(area)
    counts = encoded(runs) if compressed else runs
    drawn = read(tmp_path, content([{"segmentation": {"size": [8, 10], "counts": counts}}]))
    assert np.array_equal(drawn.masks["a.jpg"].read() == 1, area)


def test_small_areas_lie_on_large_ones(tmp_path):
    small = {"segmentation": [[3, 3, 4, 3, 4, 4, 3, 4]], "area": 1, "category_id": 9}
    for order in ([small, {"segmentation": [SQUARE], "area": 12}],
                  [{"segmentation": [SQUARE], "area": 12}, small]):  # fmt: skip
        mask = read(tmp_path, content(order)).masks["a.jpg"].read()
        assert mask[3, 3] == 2


def test_an_image_without_annotations_is_background(tmp_path):
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 4, "height": 4} for k in (1, 2)]
    drawn = read(tmp_path, content([{"segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}], images))
    assert drawn.masks["2.jpg"].read().sum() == 0


def test_damaged_areas_are_named_and_their_image_is_not_annotated(tmp_path):
    bad = {"segmentation": {"size": [8, 10], "counts": [5, 5]}}
    good = {"segmentation": [SQUARE]}
    images = [{"id": k, "file_name": f"{k}.jpg", "width": 10, "height": 8} for k in (1, 2)]
    drawn = read(tmp_path, content([bad, good | {"image_id": 2}, {"image_id": 2}], images))
    assert "1.jpg" not in drawn.masks
    assert (drawn.masks["2.jpg"].read() == 1).sum() == 12
    assert {name for name, _ in drawn.set_aside} == {"1.jpg", "2.jpg"}


def test_categories_of_one_name_in_two_files_are_one_class(tmp_path):
    images = [{"id": 1, "file_name": "b.jpg", "width": 10, "height": 8}]
    square = {"segmentation": [SQUARE], "category_id": 1}
    other = content([square], images, [{"id": 1, "name": "dog"}])
    drawn = read(tmp_path, content([{"segmentation": [SQUARE]}]), other)
    assert drawn.masks["b.jpg"].read().max() == drawn.names.index("dog")


def test_annotations_of_no_image_are_said(tmp_path):
    square = {"segmentation": [SQUARE]}
    drawn = read(tmp_path, content([square, square | {"image_id": 5}]))
    assert drawn.set_aside == (("0.json", "1 annotation of images that it does not list"),)


def test_boxes_alone_are_no_masks(tmp_path):
    assert not is_coco(content([{"bbox": [1, 1, 2, 2]}]))
    assert not is_coco([1])
    with pytest.raises(DataError, match="no COCO file with areas"):
        read(tmp_path, content([{"bbox": [1, 1, 2, 2]}]))


def test_an_image_without_a_size_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.jpg has no name, or no size"):
        read(tmp_path, content([{"segmentation": [SQUARE]}], [{"id": 1, "file_name": "a.jpg"}]))


def test_outlines_that_are_their_boxes_are_boxes():
    box = {"bbox": [2, 3, 10, 8], "segmentation": [[2, 3, 12, 3, 12, 11, 2, 11]]}
    corner = {"bbox": [2, 3, 10, 8], "segmentation": [[2, 3, 12, 3, 12, 11]]}
    lengths = {"bbox": [2, 3, 10, 8], "segmentation": {"counts": [1], "size": [1, 1]}}
    assert draws_boxes_only({"annotations": [box, {"bbox": [1, 1, 2, 2], "segmentation": []}]})
    for other in ([box, corner], [lengths], [{"segmentation": [[1, 2, 3, 4]]}], []):
        assert not draws_boxes_only({"annotations": other})
