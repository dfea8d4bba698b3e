"""Formats that are not read are named, with what to do, instead of being passed over."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io
from PIL import Image
from tests.data.drawn_sets import noise, write

from headstart.data.files.scan import Tree, scan
from headstart.data.open import open_dataset
from headstart.data.tools.unread_formats import no_images, unread_format
from headstart.errors import DataError

KITTI = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
PLACES = {
    "label_2/a.txt": (KITTI, "KITTI's"),
    "labelTxt/a.txt": ("10.5 2.0 30.0 2.0 30.0 4.0 10.5 4.0 ship 0\n", "DOTA's"),
    "labelTxt/b.txt": ("imagesource:GoogleEarth\ngsd:0.1\n", "DOTA's"),
    "gt.txt": ("0--Parade/a.jpg\n1\n4 5 6 7 0 0 0 0 0 0 \n", "WIDER FACE's"),
    "train.txt": ("img/a.jpg 4,5,6,7,0 1,2,3,4,1\n", "a line of boxes"),
    "panoptic.json": ('{"annotations": [{"segments_info": []}]}', "panoptic"),
    "ann/a.jpg.json": ('{"objects": [{"classTitle": "c", "geometryType": "point"}]}', "Supervis"),
    "mot.txt": ("1,2,10,20,30,40,1,-1,-1,-1\n", "MOT's"),
    "txts/a.txt": ("5,6,10,12,1,4,0,0\n", "VisDrone's"),
    "sa.json": ('{"image": {}, "annotations": [{"segmentation": {"counts": "x"}}]}', "SA-1B's"),
    "ls.json": ('[{"annotations": [{"result": [{"polygonlabels": ["a"]}]}]}]', "outlines of Label"),
    "det.json": ('[{"name": "a.jpg", "labels": [{"category": "c", "box2d": {}}]}]', "BDD100K's"),
    "output.manifest": ('{"source-ref": "s3://b/a.jpg"}\n', "SageMaker's"),
    "darwin/a.json": ('{"item": {"slots": []}, "annotations": []}', "V7 Darwin's"),
    "x.json": ('[{"image": "a.jpg", "annotations": [{"coordinates": {}}]}]', "Create ML's"),
}
OTHERS = {
    "list.txt": ("img/a.jpg 0\nimg/b.jpg 1\n", "a list of images and classes"),
    "labels.json": (json.dumps({"a.jpg": "cat", "b": "dog"}), "names images"),
    "image_2/metadata.jsonl": ('{"file_name": "a.jpg", "label": "cat"}\n', "Hugging Face"),
    "annotations.json": (" \n", "annotations.json is empty"),
    "image_2/_classes.csv": ("filename, cat, dog\na.jpg,1,1\n", "a column for each label"),
    "ls.json": ('[{"image": "a.jpg", "choice": "cat", "annotator": 1}]', "say --label choice"),
    "list.json": ('[{"f": "a.jpg", "k": "x"}, {"f": "b.jpg", "k": "y"}]', "names images, and"),
    "comma.txt": ("image,label\na.jpg,x\nb.jpg,y\n", "is a list of images, and"),
    "labels.xlsx": ("PK", "is a spreadsheet"),
    "notes.jsonl": ('{"image": "a.jpg", "suffix": "cat"}\n', "line by line"),
    "attributes.txt": ("2\nSmiling Male\na.jpg 1 -1\nb.jpg -1 1\n", "is a list of images, and"),
    "masks.zip": ("PK", "unpack it beside them"),
    "masks/a.npy": ("", r"1 files in \.npy"),
}


def with_file(root, name, text):
    for stem in "ab":
        write(root / f"image_2/{stem}.jpg", noise(ord(stem)))
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return root


@pytest.mark.parametrize("name", PLACES)
def test_annotations_of_places_are_named_and_folders_are_no_classes(tmp_path, name):
    text, called = PLACES[name]
    with_file(tmp_path, name, text)
    with pytest.raises(DataError, match=called):
        open_dataset(tmp_path, task="auto")
    with pytest.raises(DataError, match=called):
        open_dataset(tmp_path, task="detection")
    assert open_dataset(tmp_path).labels.kinds == ("image_2",)  # --task classification


@pytest.mark.parametrize("name", OTHERS)
def test_other_notes_are_named_where_nothing_has_a_label(tmp_path, name):
    text, called = OTHERS[name]
    with_file(tmp_path, name, text)
    write(tmp_path / "c.jpg", noise(3))  # beside the folder, so that this is no class
    unread = unread_format(scan(tmp_path))
    assert unread is not None
    assert not unread.places
    with pytest.raises(DataError, match=called):
        open_dataset(tmp_path, task="segmentation")


def test_the_reading_says_so(tmp_path):
    for stem in "ab":
        write(tmp_path / f"{stem}.jpg", noise(ord(stem)))
    (tmp_path / "labels.json").write_text('{"a.jpg": "cat", "b.jpg": "dog"}')
    said = open_dataset(tmp_path, task="auto").reading["labels"]
    assert said.startswith("none (labels.json names images")
    assert "save it as CSV" in said


@pytest.mark.parametrize("text", ["0 0.5 0.5 0.2 0.2\n", "a note\n", "", "cat\ndog\n", "1 cat\n"])
def test_what_is_read_and_plain_notes_are_not_meant(tmp_path, text):
    assert unread_format(scan(with_file(tmp_path, "a.txt", text))) is None


def test_volumes_are_told_from_images(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"")
    for task in ("auto", "classification", "segmentation", "detection"):
        with pytest.raises(DataError, match="save their slices or views as PNG"):
            open_dataset(tmp_path, task=task)
    assert "Volumes" not in no_images(Tree(tmp_path, (), others=("a.txt",)))


def test_one_folder_of_images_beside_a_table_is_no_class(tmp_path):
    for stem in "ab":
        write(tmp_path / f"faces/{stem}.jpg", noise(ord(stem)))
    (tmp_path / "t.csv").write_text("image_id,label\na.jpg,x\nb.jpg,y\n")
    assert open_dataset(tmp_path, task="auto").labels.kinds == ("x", "y")


def test_what_is_packed_is_told_with_what_to_do(tmp_path):
    assert no_images(Tree(tmp_path, (), others=("images.zip",))).endswith("unpack them")


def test_labels_that_a_program_keeps_are_told(tmp_path):
    write(tmp_path / "jpg/image_00001.jpg", noise(1))
    (tmp_path / "imagelabels.mat").write_bytes(b"MATLAB 5.0")
    said = open_dataset(tmp_path, task="auto").reading["labels"]
    assert "imagelabels.mat may say what is on the images, and is not read" in said


def test_a_structure_of_matlab_is_told_with_the_line_that_makes_it_a_table(tmp_path, monkeypatch):
    """As Stanford's cars have it; the line is run, and what it writes is read."""
    (tmp_path / "cars").mkdir()
    rows = np.empty((1, 4), [("bbox_x1", object), ("class", object), ("fname", object)])
    for n in range(4):
        Image.new("RGB", (8, 8), (n, 0, 0)).save(tmp_path / "cars" / f"{n}.jpg")
        rows[0, n] = (3, n % 2, f"{n}.jpg")
    scipy.io.savemat(tmp_path / "cars_annos.mat", {"annotations": rows})
    said = open_dataset(tmp_path).reading["labels"]
    assert "cars_annos.mat holds a structure of MATLAB (annotations: bbox_x1, class, fname)" in said
    monkeypatch.chdir(tmp_path)
    line = said.partition("in Python ")[2].partition(" writes it as a table")[0]
    exec(line, {"scipy": scipy, "numpy": np})
    found = open_dataset(tmp_path)
    assert (found.labels.names, len(found)) == (("0", "1"), 4)


def test_a_word_for_each_image_in_some_order_is_told(tmp_path):
    for n in range(4):
        write(tmp_path / f"val/ILSVRC2012_val_{n}.JPEG", noise(n))
    truth = tmp_path / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("490\n361\n171\n822\n")
    said = open_dataset(tmp_path, task="auto").reading["labels"]
    assert "holds a word for each image, in some order, and names none" in said
    truth.write_text("490\n361\n171\n")
    assert open_dataset(tmp_path, task="auto").reading["labels"] == "none"


def test_boxes_that_are_not_read_are_named_where_folders_would_be_classes(tmp_path):
    for split in ("VisDrone-train", "VisDrone-val"):
        write(tmp_path / f"{split}/images/a.jpg", noise(1))
        (tmp_path / f"{split}/annotations").mkdir()
        (tmp_path / f"{split}/annotations/a.txt").write_text("5,6,10,12,1,4,0,0\n")
    for task in ("auto", "classification"):
        with pytest.raises(DataError, match="is VisDrone's, which is not read: convert it"):
            open_dataset(tmp_path, task=task)


@pytest.mark.parametrize("task", ["auto", "classification", "identity"])
def test_what_is_not_read_is_said_whatever_was_asked_for(tmp_path, task):
    write(tmp_path / "jpg/image_00001.jpg", noise(1))
    (tmp_path / "imagelabels.mat").write_bytes(b"MATLAB 5.0")
    assert "imagelabels.mat may say" in open_dataset(tmp_path, task=task).reading["labels"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("cat 20 16 28 38\n", True),
        ("0,0.5,0.5,0.1,0.2", True),
        ("a cat, 4k", False),
        ("<A><Vertex X='1'/></A>", True),
    ],
)
def test_a_file_for_each_image_that_nobody_reads_is_told(tmp_path, text, places):
    for stem in "ab":
        with_file(tmp_path, f"truth/{stem}.txt", text)
    unread = unread_format(scan(tmp_path))
    assert unread is not None
    assert "2 files are called like images and are not read (such as truth/a.txt" in unread.line
    assert unread.places == places
    (tmp_path / "truth/a.txt").write_text("0 0.5 0.5 0.1 0.2\n")
    assert unread_format(scan(tmp_path)) is None, "that is YOLO's, and read"
    (tmp_path / "truth/a.txt").unlink()
    assert unread_format(scan(tmp_path)) is None, "one of two says nothing of most"
