"""Images and the JSON that draws on them, as data sets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.data.drawn_sets import blocks, noise, write
from tests.data.tools.test_coco import SQUARE, content

from headstart.data.files.scan import scan
from headstart.data.masks.drawn import drawings_below, from_drawings, read_drawings
from headstart.data.open import open_dataset
from headstart.data.tables.roles import Columns
from headstart.errors import DataError


def coco(root, name="annotations/instances.json", images=("a.jpg", "b.jpg"), folder="images"):
    for number, image in enumerate(images):
        write(root / folder / image, noise(number, (10, 8)))
    listed = [{"id": n, "file_name": i, "width": 10, "height": 8} for n, i in enumerate(images)]
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    told = content([{"segmentation": [SQUARE], "image_id": 0}], listed)
    (root / name).write_text(json.dumps(told))
    return root


@pytest.mark.parametrize("task", ["segmentation", "auto"])
def test_a_folder_with_coco_is_found_by_looking(tmp_path, task):
    coco(tmp_path)
    write(tmp_path / "images/c.jpg", noise(3, (10, 8)))
    dataset = open_dataset(tmp_path, task=task)
    assert dataset.task == "segmentation"
    labels = dataset.labels
    assert labels.names == ("background", "cat")
    assert labels.known.tolist() == [True, True, False]
    assert labels.pixels.tolist() == [[68, 12], [80, 0], [0, 0]]
    assert labels.pixels[0].tolist() == np.bincount(labels.read(0).ravel()).tolist()
    assert "never drawn: dog" in dataset.reading["labels"]
    assert "instances.json (COCO)" in dataset.reading["files"]


def test_files_that_name_splits_are_read_together(tmp_path):
    coco(tmp_path, "instances_train.json", ("a.jpg", "b.jpg"), "train")
    coco(tmp_path, "instances_val.json", ("c.jpg",), "val")
    dataset = open_dataset(tmp_path, task="segmentation")
    assert dataset.splits.tolist() == ["train", "train", "val"]


def test_two_files_that_no_split_tells_apart_are_refused(tmp_path):
    coco(tmp_path, "one.json")
    coco(tmp_path, "other.json")
    with pytest.raises(DataError, match=r"one\.json, other\.json.*--annotations FILE"):
        open_dataset(tmp_path, task="segmentation")
    dataset = open_dataset(tmp_path, task="segmentation", annotations=tmp_path / "one.json")
    assert dataset.labelled.sum() == 2


def test_a_file_of_coco_may_be_the_data(tmp_path):
    coco(tmp_path, "all.json")
    assert len(open_dataset(tmp_path / "all.json", task="segmentation")) == 2


def test_images_that_are_not_there_are_named_or_refused(tmp_path):
    coco(tmp_path, images=("a.jpg", "b.jpg", "c.jpg"))
    (tmp_path / "images/c.jpg").unlink()
    dataset = open_dataset(tmp_path, task="segmentation")
    assert ("c.jpg", "annotated, but there is no such image") in dataset.set_aside
    (tmp_path / "images/b.jpg").unlink()
    with pytest.raises(DataError, match="about 3 images, and only 1 of them"):
        open_dataset(tmp_path, task="segmentation")


def test_one_image_under_two_names_is_told(tmp_path):
    coco(tmp_path)
    file = tmp_path / "annotations/instances.json"
    content = json.loads(file.read_text())
    content["images"].append(content["images"][0] | {"id": 99, "file_name": "images/a.jpg"})
    file.write_text(json.dumps(content))
    (why,) = (w for n, w in open_dataset(tmp_path, task="segmentation").set_aside if "a.jpg" in n)
    assert "is annotated under the name a.jpg already" in why


def test_masks_and_json_at_once_are_two_readings(tmp_path):
    coco(tmp_path)
    write(tmp_path / "masks/a.png", blocks(0, (0, 255), (10, 8)))
    with pytest.raises(DataError, match="--annotations"):
        open_dataset(tmp_path, task="segmentation")
    told = open_dataset(tmp_path, task="segmentation", annotations=tmp_path / "masks")
    assert told.labelled.tolist() == [True, False]


def labelme(root):
    for number in range(3):
        write(root / f"{number}.jpg", noise(number, (10, 8)))
        if number < 2:
            shapes = [{"label": "cell", "points": [[0, 0], [4, 0], [4, 4]]}] * (number == 0)
            facts = {
                "shapes": shapes,
                "imagePath": f"{number}.jpg",
                "imageHeight": 8,
                "imageWidth": 10,
            }
            (root / f"{number}.json").write_text(json.dumps(facts))


def test_labelme_beside_the_images_is_found(tmp_path):
    labelme(tmp_path)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.task == "segmentation"
    assert dataset.labelled.tolist() == [True, True, False]
    assert dataset.labels.text(1) == "background 100%"
    assert dataset.reading["files"] == "drawn by 2 files of Labelme"


def test_labelme_in_a_folder_of_its_own(tmp_path):
    labelme(tmp_path / "images")
    (tmp_path / "json").mkdir()
    for number in range(2):
        (tmp_path / f"images/{number}.json").rename(tmp_path / f"json/{number}.json")
    told = {"annotations": tmp_path / "json"}
    dataset = open_dataset(tmp_path / "images", task="segmentation", **told)
    assert dataset.labelled.sum() == 2


def test_other_json_is_passed_over(tmp_path):
    write(tmp_path / "cat/1.jpg", noise(1))
    write(tmp_path / "dog/2.jpg", noise(2))
    (tmp_path / "info.json").write_text(json.dumps({"images": [], "annotations": []}))
    (tmp_path / "1.json").write_text("{}")
    assert drawings_below(scan(tmp_path)) == []
    assert open_dataset(tmp_path, task="auto").task == "classification"


def test_a_label_is_of_no_use_here(tmp_path):
    coco(tmp_path)
    drawings = read_drawings([tmp_path / "annotations/instances.json"])
    with pytest.raises(DataError, match="says itself what is drawn"):
        from_drawings(scan(tmp_path), drawings, Columns(label="kind"))


def test_an_empty_file_of_labelme_is_named_and_hides_no_other(tmp_path):
    for number, stem in enumerate("abc"):
        write(tmp_path / f"{stem}.png", noise(number, (10, 8)))
        shape = {"label": "cat", "points": [[1, 1], [6, 1], [6, 5]], "shape_type": "polygon"}
        told = {"shapes": [shape], "imagePath": f"{stem}.png", "imageWidth": 10, "imageHeight": 8}
        (tmp_path / f"{stem}.json").write_text(json.dumps(told) if stem != "a" else "")
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.labelled.tolist() == [False, True, True]
    assert ("a.json", "no readable file of Labelme, as those beside it are") in dataset.set_aside


def test_files_that_draw_nothing_are_refused(tmp_path):
    for stem in "ab":
        write(tmp_path / f"{stem}.jpg", noise(1))
        shapes = (
            [{"label": "eye", "points": [[1, 1]], "shape_type": "point"}] if stem == "a" else []
        )
        told = {"shapes": shapes, "imagePath": f"{stem}.jpg", "imageHeight": 30, "imageWidth": 40}
        (tmp_path / f"{stem}.json").write_text(json.dumps(told | {"flags": {"cat": True}}))
    with pytest.raises(DataError, match=r"draws no area on any image .*a table with the columns"):
        open_dataset(tmp_path, task="auto")
