"""Boxes are found by looking, whatever wrote them; where two readings fit, neither is taken."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tests.data.boxed_sets import (
    BOXES,
    FORMATS,
    coco,
    coco_json,
    label_studio,
    labelme,
    picture,
    pictures,
    table,
    voc,
    voc_text,
    yolo,
    yolo_text,
)

from headstart.data.open import open_dataset
from headstart.errors import DataError


def read(root, **told):
    return open_dataset(root, **{"task": "detection"} | told)


def as_told(dataset) -> dict:
    """Stem -> sorted (class, corners) of what was read; None where not annotated."""
    labels = dataset.labels
    found = {}
    for item, name in enumerate(dataset.names):
        own = labels.of(item)
        rows = [
            (labels.names[c], *np.round(corners, 4).tolist())
            for c, corners in zip(labels.classes[own], labels.corners[own], strict=True)
        ]
        found[name.rpartition("/")[2][:-4]] = sorted(rows) if labels.annotated[item] else None
    return found


TRUTH = {stem: sorted((n, *map(float, box)) for n, *box in each) for stem, each in BOXES.items()}


@pytest.mark.parametrize("task", ["detection", "auto"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_the_same(tmp_path, kind, task):
    FORMATS[kind](tmp_path)
    picture(tmp_path / "images/forgotten.jpg")
    dataset = read(tmp_path, task=task)
    assert dataset.task == "detection"
    assert as_told(dataset) == TRUTH | {"forgotten": None}
    assert dataset.labels.names == ("cat", "dog")
    assert "nothing is on 1 of them" in dataset.reading["labels"]
    assert "1 image without annotation" in dataset.reading["labels"]
    assert not dataset.set_aside


@pytest.mark.parametrize("kind", FORMATS)
def test_annotations_without_an_image_are_named(tmp_path, kind):
    FORMATS[kind](tmp_path)
    next(tmp_path.rglob("b.jpg")).unlink()
    dataset = read(tmp_path)
    assert set(as_told(dataset)) == {"a", "c", "d"}
    ((name, why),) = dataset.set_aside
    assert "b" in name
    assert "no such image" in why


@pytest.mark.parametrize("kind", FORMATS)
def test_annotations_may_lie_elsewhere(tmp_path, kind):
    where = FORMATS[kind](tmp_path / "first")
    images = tmp_path / "second"
    for path in list(where.rglob("*.jpg")):
        (images / "pictures").mkdir(parents=True, exist_ok=True)
        shutil.move(path, images / "pictures" / path.name)
    single = {"coco": "instances.json", "table": "boxes.csv", "label_studio": "export.json"}
    told = [where, where / single[kind]] if kind in single else [where]
    for each in told:
        assert as_told(read(images, annotations=each)) == TRUTH
        assert as_told(read(images, annotations=each, task="auto")) == TRUTH


def test_two_kinds_of_annotations_are_refused_until_one_is_named(tmp_path):
    voc(tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(coco_json()))
    for task in ("auto", "detection"):
        with pytest.raises(DataError, match=r"XML files in Annotations/, COCO.*--annotations"):
            read(tmp_path, task=task)
    assert as_told(read(tmp_path, annotations=tmp_path / "Annotations")) == TRUTH
    assert "COCO" in read(tmp_path, annotations=tmp_path / "instances.json").reading["files"]


def test_boxes_beside_masks_or_in_class_folders_are_refused_unless_named(tmp_path):
    for folder, stems in (("ant", "ab"), ("bee", "cd")):
        pictures(tmp_path / "classes", folder, stems)
        for stem in stems:
            path = tmp_path / f"classes/{folder}/{stem}.xml"
            path.write_text(voc_text(BOXES[stem]))
    with pytest.raises(DataError, match=r"folders ant, bee: say --task detection .*classification"):
        read(tmp_path / "classes", task="auto")
    assert as_told(read(tmp_path / "classes")) == TRUTH
    assert read(tmp_path / "classes", task="classification").labels.names == ("ant", "bee")
    yolo(tmp_path / "both")
    for stem in "abcd":
        picture(tmp_path / f"both/masks/{stem}.png")
    with pytest.raises(DataError, match=r"boxes .*and masks .*--task detection or --task segm"):
        read(tmp_path / "both", task="auto")


def test_areas_of_coco_and_polygons_of_labelme_stay_masks_unless_boxes_are_asked_for(tmp_path):
    coco(tmp_path / "coco")
    content = coco_json()
    for each in content["annotations"]:
        x, y, w, h = each["bbox"]
        each["segmentation"] = [[x, y, x + w, y, x + w, y + h]]
    (tmp_path / "coco/instances.json").write_text(json.dumps(content))
    labelme(tmp_path / "labelme")
    for path in (tmp_path / "labelme/images").glob("*.json"):
        found = json.loads(path.read_text())
        for shape in found["shapes"]:
            (x1, y0), (x0, y1) = shape["points"]
            shape |= {"shape_type": "polygon", "points": [[x0, y0], [x1, y0], [x0, y1], [x1, y1]]}
        path.write_text(json.dumps(found))
    for kind in ("coco", "labelme"):
        assert read(tmp_path / kind, task="auto").task == "segmentation"
        assert as_told(read(tmp_path / kind)) == TRUTH
    assert "6 outlines" in read(tmp_path / "labelme").reading["files"]


def test_splits_of_every_format(tmp_path):
    want = {"a": "train", "b": "train", "c": "train", "d": "test"}
    half = {"train": {s: BOXES[s] for s in "abc"}, "test": {"d": BOXES["d"]}}

    voc(tmp_path / "voc")
    (tmp_path / "voc/ImageSets/Main").mkdir(parents=True)
    (tmp_path / "voc/ImageSets/Main/train.txt").write_text("a\nb\nc\n")
    (tmp_path / "voc/ImageSets/Main/test.txt").write_text("d\n")
    (tmp_path / "voc/ImageSets/Main/trainval.txt").write_text("a\nb\nc\nd\n")

    coco(tmp_path / "coco")
    (tmp_path / "coco/instances.json").unlink()
    coco(tmp_path / "roboflow")
    (tmp_path / "roboflow/instances.json").unlink()
    for split, part in half.items():
        text = json.dumps(coco_json(part))
        (tmp_path / f"coco/instances_{split}2017.json").write_text(text)
        for stem in part:
            (tmp_path / "roboflow" / split).mkdir(exist_ok=True)
            picture(tmp_path / "roboflow" / split / f"{stem}.jpg")
        (tmp_path / "roboflow" / split / "_annotations.coco.json").write_text(text)
    shutil.rmtree(tmp_path / "roboflow/images")

    for kind, places in (("one", "images/{0} labels/{0}"), ("other", "{0}/images {0}/labels")):
        for split, part in half.items():
            images, labels = places.format(split).split()
            pictures(tmp_path / kind, images, "".join(part))
            (tmp_path / kind / labels).mkdir(parents=True)
            for stem, each in part.items():
                (tmp_path / kind / labels / f"{stem}.txt").write_text(yolo_text(each))
        (tmp_path / kind / "data.yaml").write_text("names: {0: cat, 1: dog}\n")

    yolo(tmp_path / "lists")
    (tmp_path / "lists/train.txt").write_text("data/images/a.jpg\ndata/images/b.jpg\nimages/c.jpg")
    (tmp_path / "lists/test.txt").write_text("data/images/d.jpg\n")

    table(tmp_path / "table")
    text = (tmp_path / "table/boxes.csv").read_text().splitlines()
    rows = [f"{row},{'test' if row.startswith('d') else 'train'}" for row in text[1:]]
    (tmp_path / "table/boxes.csv").write_text("\n".join([f"{text[0]},split", *rows]))

    table(tmp_path / "tables")
    (tmp_path / "tables/boxes.csv").rename(tmp_path / "tables/all.csv")
    for split in half:
        own = [row for row in text[1:] if row.startswith("d") == (split == "test")]
        (tmp_path / f"tables/{split}_labels.csv").write_text("\n".join([text[0], *own]))

    kinds = ("voc", "coco", "roboflow", "one", "other", "lists", "table", "tables")
    for kind in kinds:
        dataset = read(tmp_path / kind)
        stems = [name.rpartition("/")[2][0] for name in dataset.names]
        assert dict(zip(stems, dataset.splits.tolist(), strict=True)) == want, kind
        assert as_told(dataset) == TRUTH, kind
        assert "test 1, train 3" in dataset.reading["splits"], kind


def test_same_names_in_both_splits_are_told_apart(tmp_path):
    for split, stem in (("train", "a"), ("test", "b")):
        picture(tmp_path / split / "images/1.jpg")
        (tmp_path / split / "labels").mkdir()
        (tmp_path / split / "labels/1.txt").write_text(yolo_text(BOXES[stem]))
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    dataset = read(tmp_path)
    assert [dataset.labels.text(i) for i in range(2)] == ["cat 1", "cat 1, dog 1"]
    assert dataset.splits.tolist() == ["test", "train"]
    shutil.rmtree(tmp_path / "train/labels")
    shutil.rmtree(tmp_path / "test/labels")
    for split, stem in (("train", "a"), ("test", "b")):
        content = coco_json({stem: BOXES[stem]})
        content["images"][0]["file_name"] = "1.jpg"
        (tmp_path / f"instances_{split}.json").write_text(json.dumps(content))
    dataset = read(tmp_path)
    assert [dataset.labels.text(i) for i in range(2)] == ["cat 1", "cat 1, dog 1"]


def test_nothing_there_is_said_in_one_line(tmp_path):
    pictures(tmp_path)
    with pytest.raises(DataError, match=r"holds no boxes: give XML files .*--annotations"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"--annotations .*nowhere: there is no such"):
        read(tmp_path, annotations=tmp_path / "nowhere")
    with pytest.raises(DataError, match="no images below"):
        read(_empty(tmp_path))
    label_studio(tmp_path / "far")
    shutil.rmtree(tmp_path / "far/images")
    with pytest.raises(DataError, match="annotates 4 images, and 0 of them are below"):
        read(tmp_path / "far")


def _empty(root):
    (root / "empty").mkdir()
    return root / "empty"


def test_captions_beside_images_are_no_boxes(tmp_path):
    pictures(tmp_path)
    for stem in "abcd":
        (tmp_path / f"images/{stem}.txt").write_text("a photo of 4 cats, 3 of them asleep")
    assert read(tmp_path, task="auto").task == "classification"
    with pytest.raises(DataError, match="holds no boxes"):
        read(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        {"images": [1], "annotations": [], "categories": []},
        {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [3], "categories": []},
        {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": [], "bbox": 1}],
         "categories": [{"id": 1, "name": "x"}]},
        {"images": [], "annotations": [{"bbox": [1, 2, 3, 4]}], "categories": ["cat"]},
        [{"data": {"image": "a.jpg"}, "annotations": [{"result": [5]}]}, "rectanglelabels"],
        [{"data": {"image": "a.jpg"}, "annotations": {"rectanglelabels": 1}}],
        {"shapes": [7, "shapes"], "imagePath": "a.jpg", "imageHeight": 4},
        {"shapes": [{"points": [[1, 2], [None, 3]], "label": "x"}], "imagePath": "a.jpg"},
    ],
)  # fmt: skip
def test_json_that_is_not_as_it_should_be_is_refused_in_a_line(tmp_path, content):
    pictures(tmp_path)
    where = tmp_path / ("images/a.json" if "shapes" in content else "boxes.json")
    where.write_text(json.dumps(content))
    with pytest.raises(DataError):
        read(tmp_path)


def test_a_table_of_attributes_beside_class_folders_is_no_annotation(tmp_path):
    for folder, stems in (("ant", "ab"), ("bee", "cd")):
        pictures(tmp_path, folder, stems)
    rows = [f"{f}/{s}.jpg,1,2,30,40" for f, s in (("ant", "a"), ("ant", "b"), ("bee", "c"))]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,x1,y1,x2,y2", *rows]))
    dataset = read(tmp_path, task="auto")
    assert dataset.task == "classification"
    assert set(dataset.attributes) == {"x1", "y1", "x2", "y2"}
    assert read(tmp_path).task == "detection"


def test_coco_whose_outlines_are_its_boxes_holds_boxes(tmp_path):
    content = coco_json()
    for each in content["annotations"]:
        left, top, wide, high = each["bbox"]
        right, low = left + wide, top + high
        each["segmentation"] = [[left, top, right, top, right, low, left, low]]
    coco(tmp_path)
    (tmp_path / "instances.json").write_text(json.dumps(content))
    assert open_dataset(tmp_path, task="auto").task == "detection"
    assert open_dataset(tmp_path, task="segmentation").labels.names == ("background", "cat", "dog")
