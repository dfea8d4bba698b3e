"""Annotations become a data set: images in the order of their names, what is missing is said."""

from __future__ import annotations

import pytest
from tests.data.boxed_sets import BOXES, coco, picture, pictures, voc

from headstart.data.annotations.box_notes import BoxNotes, NotedBox, NotedImage
from headstart.data.boxes.from_notes import from_notes
from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tables.roles import Columns
from headstart.errors import DataError

CAT = NotedBox((1.0, 2.0, 11.0, 22.0), "cat", crowd=True)


def test_what_files_say_is_laid_on_images(tmp_path):
    pictures(tmp_path)
    images = {"d.jpg": NotedImage((CAT, CAT), (64, 48), split="test"),
              "a.jpg": NotedImage((CAT,), split="train"), "b.jpg": NotedImage()}  # fmt: skip
    notes = BoxNotes(images, "three notes", said="corners", ids=(4,))
    dataset = from_notes(scan(tmp_path), notes, Columns())
    assert dataset.labels.counts.tolist() == [1, 0, 0, 2]
    assert dataset.labelled.tolist() == [True, True, False, True]
    assert dataset.splits.tolist() == ["train", "", "", "test"]
    assert dataset.labels.crowd.all()
    assert dataset.labels.stated.tolist() == [[0, 0], [0, 0], [0, 0], [64, 48]]
    assert dataset.reading["files"] == "three notes, corners"
    assert from_notes(scan(tmp_path), notes, Columns(split="none")).splits.tolist() == [""] * 4


def test_numbers_as_classes_come_in_their_order(tmp_path):
    pictures(tmp_path)
    boxes = tuple(NotedBox(CAT.corners, label) for label in ("10", "9", "dog", "1"))
    notes = BoxNotes({"a.jpg": NotedImage(boxes)}, "one note")
    assert from_notes(scan(tmp_path), notes, Columns()).labels.names == ("1", "9", "10", "dog")


def test_no_box_at_all_and_most_images_elsewhere_are_refused(tmp_path):
    pictures(tmp_path)
    with pytest.raises(DataError, match=r"one note .*holds no box at all"):
        from_notes(scan(tmp_path), BoxNotes({"a.jpg": NotedImage()}, "one note"), Columns())
    away = {name: NotedImage((CAT,)) for name in ("a.jpg", "x.jpg", "y.jpg")}
    with pytest.raises(DataError, match=r"3 images, and 1 of them .*x\.jpg, y\.jpg.*--annotations"):
        from_notes(scan(tmp_path), BoxNotes(away, "notes"), Columns())


def test_a_box_without_a_class_is_no_class_of_its_own(tmp_path):
    voc(tmp_path)
    for stem in "bd":
        path = tmp_path / f"Annotations/{stem}.xml"
        path.write_text(path.read_text().replace("<name>cat</name>", ""))
    dataset = open_dataset(tmp_path, task="detection")
    assert dataset.labels.names == ("cat", "dog")
    assert dataset.labels.annotated.tolist() == [True, False, True, True]
    aside = dict(dataset.set_aside)
    assert {name[-5:]: why for name, why in aside.items()} == {
        "b.jpg": "1 box without a class, left out", "d.jpg": "1 box without a class, left out",
    }  # fmt: skip


def test_where_nothing_can_be_read_the_reason_is_said(tmp_path):
    voc(tmp_path)
    for path in (tmp_path / "Annotations").iterdir():
        path.write_text(path.read_text()[:60])
    with pytest.raises(DataError, match=r"a\.xml: no readable XML .*and 3 more like it"):
        open_dataset(tmp_path, task="detection")


@pytest.mark.parametrize("write", [voc, coco])
def test_shares_where_pixels_are_read_are_refused(tmp_path, write):
    shares = {
        stem: [(n, a / 64, b / 48, c / 64, d / 48) for n, a, b, c, d in each]
        for stem, each in BOXES.items()
    }
    write(tmp_path, shares)
    with pytest.raises(DataError, match="lie between 0 and 1, as shares of the image do"):
        open_dataset(tmp_path, task="detection")


def test_boxes_in_per_cent_of_larger_images_are_refused(tmp_path):
    picture(tmp_path / "a.jpg", size=(640, 480))
    boxes = tuple(NotedBox((9.0 * i, 20.0, 9.0 * i + 10, 90.0), "cat") for i in range(11))
    notes = BoxNotes({"a.jpg": NotedImage(boxes)}, "one note")
    with pytest.raises(DataError, match="lie between 0 and 100, as per cent"):
        from_notes(scan(tmp_path), notes, Columns())
    few = BoxNotes({"a.jpg": NotedImage(boxes[-3:])}, "one note")
    assert len(from_notes(scan(tmp_path), few, Columns()).labels.classes) == 3
