"""The files of `predict -o FOLDER`: tables, COCO's JSON, pictures and crops."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from headstart.compute import silent
from headstart.data.open import open_dataset
from headstart.errors import OutputError
from headstart.tasks.detection.detections import Detections
from headstart.tasks.detection.drawn import class_colour
from headstart.tasks.detection.files import write_answers

NAMES = ("a/one.png", "a/two.png", "b/one.png", "b/torn.png")
CORNERS = np.array([[20.0, 10, 60, 50.5], [5, 5, 9, 9], [30, 30, 31, 31], [70, 20, 110, 60]])


def answers(**more) -> Detections:
    given = {
        "offsets": np.array([0, 2, 3, 4, 4]), "corners": CORNERS,
        "scores": np.array([0.9, 0.1, 0.1, 0.7]), "labels": np.array([1, 0, 0, 0]),
        "sizes": np.full((4, 2), (120, 80)), "errors": {"b/torn.png": "torn"}, "threshold": 0.5,
    }  # fmt: skip
    return Detections(NAMES, ("=cat", "../dog"), **given | more)


def images() -> list[np.ndarray]:
    found = [np.full((80, 120, 3), shade, np.uint8) for shade in (0, 40, 80, 120)]
    found[0][10:51, 20:60] = 255
    return found


@pytest.fixture
def written(tmp_path):
    write_answers(answers(), images(), tmp_path / "out", silent)
    return tmp_path / "out"


def rows_of(file) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_line_an_object_above_the_threshold_and_a_line_an_image(written):
    boxes = rows_of(written / "boxes.csv")
    assert [(each["name"], each["class"], each["score"]) for each in boxes] == [
        ("a/one.png", "../dog", "0.9"), ("b/one.png", "'=cat", "0.7"),
    ]  # fmt: skip
    assert [float(boxes[0][k]) for k in ("left", "top", "right", "bottom")] == [20, 10, 60, 50.5]
    counts = rows_of(written / "counts.csv")
    assert [each["count(../dog)"] for each in counts] == ["1", "0", "0", ""]
    assert [each["count(=cat)"] for each in counts] == ["0", "0", "1", ""]
    assert counts[3]["error"] == "torn"
    assert counts[0]["width"] == "120"


def test_json_is_coco_and_reads_back(written, tmp_path):
    found = json.loads((written / "boxes.json").read_text())
    assert [each["file_name"] for each in found["images"]] == list(NAMES[:3]), "none of the torn"
    first = found["annotations"][0]
    assert first["bbox"] == [20, 10, 40, 40.5]
    assert first["area"] == 40 * 40.5
    assert (first["image_id"], first["category_id"], first["score"]) == (1, 2, 0.9)
    assert len(found["annotations"]) == 2
    for name, pixels in zip(NAMES, images()):
        place = tmp_path / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place)
    (tmp_path / "data" / "boxes.json").write_text((written / "boxes.json").read_text())
    dataset = open_dataset(tmp_path / "data", task="detection")
    assert dataset.task == "detection"
    assert dataset.labels.tallies.sum() == 2
    row = dataset.names.index("a/one.png")
    np.testing.assert_array_equal(dataset.labels.corners[dataset.labels.of(row)], CORNERS[:1])


def test_pictures_and_crops_lie_as_the_images_do(written):
    drawn = sorted(str(each.relative_to(written)) for each in (written / "drawn").rglob("*.jpg"))
    assert drawn == ["drawn/a/one.jpg", "drawn/a/two.jpg", "drawn/b/one.jpg"]
    with Image.open(written / "drawn" / "b" / "one.jpg") as image:
        edge = np.asarray(image)[40, 70].astype(int)
    assert np.abs(edge - class_colour(0)).max() < 100
    crops = sorted(str(each.relative_to(written)) for each in (written / "crops").rglob("*.jpg"))
    assert crops == ["crops/=cat/b/one_01.jpg", "crops/_dog/a/one_01.jpg"]
    assert all(each.startswith("crops/") and ".." not in each.split("/") for each in crops)
    dog = next(each for each in crops if "/a/one" in each)
    with Image.open(written / dog) as image:
        assert image.size == (40, 41)
        assert np.asarray(image).min() > 240, "the object and nothing of its surroundings"


def test_a_box_on_the_edge_is_cut_out_and_an_image_that_went_is_left_out(tmp_path):
    corners = CORNERS.copy()
    corners[0] = (119.6, 79.5, 120, 80)
    found = answers(corners=corners)
    given = [images()[0], str(tmp_path / "gone.png"), *images()[2:]]
    write_answers(found, given, tmp_path / "out", silent)
    assert len(list((tmp_path / "out" / "crops").rglob("*.jpg"))) == 2
    assert not (tmp_path / "out" / "drawn" / "a" / "two.jpg").exists()


def test_nothing_is_overwritten(written):
    with pytest.raises(OutputError):
        write_answers(answers(), images(), written, silent)
