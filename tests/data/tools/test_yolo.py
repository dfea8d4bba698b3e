"""YOLO: outlines, classes without names, numbers that are pixels, files that are predictions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.boxed_sets import picture, yolo

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.yolo import yolo_files
from headstart.errors import DataError


def read(root):
    return open_dataset(root, task="detection")


def test_outlines_become_the_boxes_around_them(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/b.txt").write_text("1 0.25 0.5 0.5 0.25 0.75 0.5 0.5 0.75\n")
    dataset = read(tmp_path)
    own = dataset.labels.of(1)
    assert np.allclose(dataset.labels.corners[own], [[16, 12, 48, 36]])
    assert "1 outline among them" in dataset.reading["files"]


def test_without_names_classes_are_numbers_in_their_order_and_that_is_said(tmp_path):
    yolo(tmp_path)
    (tmp_path / "data.yaml").unlink()
    for path in (tmp_path / "labels").glob("*.txt"):
        path.write_text(path.read_text().replace("1 0.", "10 0.").replace("0 0.", "2 0.", 1))
    (tmp_path / "labels/a.txt").write_text("2 0.5 0.5 0.25 0.25\n10 0.5 0.5 0.5 0.5\n")
    (tmp_path / "labels/d.txt").write_text("2 0.5 0.5 0.25 0.25\n")
    dataset = read(tmp_path)
    assert dataset.labels.names == ("2", "10")
    assert dataset.labels.ids == (2, 10)
    assert "called by their numbers" in dataset.reading["files"]


def test_a_class_without_a_name_is_refused_by_file(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/d.txt").write_text("7 0.5 0.5 0.25 0.25\n")
    with pytest.raises(DataError, match=r"labels/d\.txt .*class 7.*data\.yaml has 2 names"):
        read(tmp_path)


def test_pixels_and_predictions_are_refused(tmp_path):
    yolo(tmp_path)
    for path in (tmp_path / "labels").glob("[abd].txt"):
        path.write_text("0 12 15 20 20\n")
    with pytest.raises(DataError, match=r"no shares of the image .*0 12 15 20 20"):
        read(tmp_path)
    for path in (tmp_path / "labels").glob("[abd].txt"):
        path.write_text("0 0.5 0.5 0.25 0.25 0.93\n")
    with pytest.raises(DataError, match="those are predictions"):
        read(tmp_path)


def test_a_torn_file_and_an_unreadable_image_are_named(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/b.txt").write_text("0 0.5 0.5 0.25\n")
    (tmp_path / "images/d.jpg").write_bytes(b"\xff\xd8\xff torn")
    dataset = read(tmp_path)
    aside = dict(dataset.set_aside)
    assert aside["labels/b.txt"] == "a line is no class (0, 1, …) with four numbers or more"
    assert "size cannot be read" in aside["images/d.jpg"]
    assert dataset.labelled.tolist() == [True, False, True, False]


def test_shares_are_of_the_upright_image(tmp_path):
    yolo(tmp_path)
    picture(tmp_path / "images/b.jpg", turn=8)
    (tmp_path / "labels/b.txt").write_text("0 0.5 0.5 1 0.5\n")
    labels = read(tmp_path).labels
    assert labels.corners[labels.of(1)].tolist() == [[0, 16, 48, 48]]
    assert labels.turned[1] == 3, "nothing says that it is so"


def test_texts_of_something_else_are_passed_over(tmp_path):
    yolo(tmp_path)
    (tmp_path / "README.txt").write_text("hello")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert len(yolo_files(scan(tmp_path))) == 4


def test_two_names_that_are_one_are_said(tmp_path):
    yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [cat, 'cat ']\n")
    dataset = read(tmp_path)
    assert dataset.labels.names == ("cat",)
    assert dataset.set_aside == (("data.yaml", "two classes are called cat: taken for one"),)


@pytest.mark.parametrize("first", ["inf", "-1", "0.5", "1e300", "nan"])
def test_a_line_whose_class_is_no_class_is_set_aside_by_file(tmp_path, first):
    yolo(tmp_path)
    (tmp_path / "labels/b.txt").write_text(f"{first} 0.5 0.5 0.25 0.25\n")
    dataset = read(tmp_path)
    assert dict(dataset.set_aside)["labels/b.txt"].startswith("a line is no class (0, 1, …)")
    assert not dataset.labels.annotated[1]


@pytest.mark.parametrize("first", ["cat", "-1"])
def test_lines_that_all_begin_with_something_else_are_refused_and_not_passed_over(tmp_path, first):
    yolo(tmp_path)
    for path in (tmp_path / "labels").iterdir():
        rest = [line.partition(" ")[2] for line in path.read_text().splitlines()]
        path.write_text("".join(f"{first} {each}\n" for each in rest))
    with pytest.raises(DataError, match=r"begins with .*number of a class"):
        read(tmp_path)


def test_a_confidence_on_some_lines_is_no_outline_and_is_said(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/b.txt").write_text("1 0.5 0.5 0.25 0.25 0.9\n")
    dataset = read(tmp_path)
    assert "outline" not in dataset.reading["files"]
    assert "confidence" in dict(dataset.set_aside)["images/b.jpg"]


def test_seven_numbers_may_be_two_things_and_are_refused(tmp_path):
    yolo(tmp_path)
    for path in (tmp_path / "labels").iterdir():
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{line} 0.9 1\n" for line in lines))
    with pytest.raises(DataError, match=r"seven numbers .*a confidence and the number of a track"):
        read(tmp_path)


def test_decimals_after_a_comma_are_read_and_other_words_are_set_aside(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/b.txt").write_text("1 0,5 0,5 0,25 0,5\n")
    (tmp_path / "labels/d.txt").write_text("1 0.5 half 0.25 0.5\n")
    dataset = read(tmp_path)
    assert np.allclose(dataset.labels.corners[dataset.labels.of(1)], [[24, 12, 40, 36]])
    assert not dataset.labelled[3]
    assert any(name == "labels/d.txt" for name, _ in dataset.set_aside)


def test_classes_that_are_counted_from_one_are_refused_with_the_cure(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    (tmp_path / "labels/b.txt").write_text("2 0.5 0.5 0.25 0.5\n")
    for stem in "cd":
        (tmp_path / f"labels/{stem}.txt").write_text("")
    with pytest.raises(DataError, match=r"numbered 1 to 2.*YOLO counts from 0. Take 1 off each"):
        read(tmp_path)


def lined(root, line):
    for stem in "ab":
        picture(root / f"images/{stem}.jpg")
        (root / "labels").mkdir(exist_ok=True)
        (root / f"labels/{stem}.txt").write_text(line + "\n")
    return root


def test_key_points_after_the_box_are_refused(tmp_path):
    line = "0 0.5 0.5 0.2 0.2 " + " ".join(["0.5 0.5 2"] * 5)
    with pytest.raises(DataError, match=r"key points .* Leave the first five"):
        read(lined(tmp_path, line))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.1 0.2 0.4 0.1 0.5 0.4 0.2 0.5", "their angles are lost"),
        ("0 0.1 0.2 0.4 0.1 0.5 0.4 0.2 0.5 0.1 0.3", "--task segmentation learns the outlines"),
    ],
)
def test_what_becomes_of_outlines_is_said(tmp_path, line, said):
    assert said in read(lined(tmp_path, line)).reading["files"]
