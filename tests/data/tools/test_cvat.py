"""CVAT's own XML: boxes, polygons, brushed masks, turned things, films."""

from __future__ import annotations

import pytest
from tests.data.tool_sets import BOX, cvat

from headstart.data.open import open_dataset
from headstart.data.tools.cvat import is_cvat, read_cvat
from headstart.errors import DataError

POLYGON = '<polygon label="dog" points="2.0,1.0;6.0,1.0;6.0,4.0;2.0,4.0" z_order="1"></polygon>'


def test_boxes_are_found_by_looking_with_their_splits(tmp_path):
    dataset = open_dataset(cvat(tmp_path), task="auto")
    assert dataset.task == "detection"
    assert [dataset.labels.text(i) for i in range(3)] == ["cat 1", "cat 1", "no object"]
    assert dataset.labels.corners[0].tolist() == [2, 1, 6, 4]
    assert dataset.splits.tolist() == ["train", "train", "test"]
    assert dataset.reading["files"] == "annotations.xml (CVAT)"


def test_outlines_are_masks_unless_boxes_are_asked_for(tmp_path):
    dataset = open_dataset(cvat(tmp_path, a=POLYGON), task="auto")
    assert dataset.task == "segmentation"
    assert dataset.labels.names == ("background", "cat", "dog")
    assert (dataset.labels.sources[0].read() == 2).sum() == 12
    boxes = open_dataset(tmp_path, task="detection")
    assert "boxes around 1 outline" in boxes.reading["files"]


def test_what_lies_in_front_is_painted_last(tmp_path):
    over = BOX.replace('z_order="0"', 'z_order="5"')
    mask = open_dataset(cvat(tmp_path, a=over + POLYGON), task="segmentation").labels.sources[0]
    assert set(mask.read().ravel().tolist()) == {0, 1}


def test_a_brushed_mask_is_read_along_the_rows(tmp_path):
    brushed = (
        '<mask label="dog" rle="1, 2, 2, 1" left="3" top="2" width="3" height="2" '
        'z_order="0"></mask>'
    )
    (image, *_) = read_cvat(cvat(tmp_path, a=brushed) / "annotations.xml")
    assert image.outlines[0].box == (3, 2, 3, 2)
    mask = open_dataset(tmp_path, task="segmentation").labels.sources[0].read()
    assert (mask[2:4, 3:6] > 0).tolist() == [[False, True, True], [False, False, True]]


def test_a_turned_box_is_turned_about_its_middle(tmp_path):
    turned = BOX.replace("occluded", 'rotation="90" occluded')
    (image, *_) = read_cvat(cvat(tmp_path, a=turned) / "annotations.xml")
    xs, ys = zip(*image.outlines[0].points, strict=True)
    assert image.outlines[0].turned
    assert (min(xs), max(xs)) == pytest.approx((2.5, 5.5))
    assert (min(ys), max(ys)) == pytest.approx((0.5, 4.5))


def test_turned_boxes_are_boxes_around_them_and_that_is_told(tmp_path):
    turned = BOX.replace("occluded", 'rotation="45" occluded')
    found = open_dataset(cvat(tmp_path, a=turned, b=BOX), task="auto")
    assert found.task == "detection"
    assert sorted(set(found.labels.flaws)) == ["", "a turned box became the upright one around it"]
    assert "outline" not in found.reading["files"]


def test_films_and_damaged_files_are_refused_in_one_line(tmp_path):
    path = cvat(tmp_path, a='<box label="cat" xtl="x"/>') / "annotations.xml"
    with pytest.raises(DataError, match=r"annotations.xml: a shape in it cannot be understood"):
        read_cvat(path)
    path.write_text("<annotations><version>1.1</version><track id='0'/></annotations>")
    assert is_cvat(path)
    with pytest.raises(DataError, match=r"CVAT for images 1.1"):
        open_dataset(tmp_path, task="auto")
