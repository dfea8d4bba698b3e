"""Annotations become a data set: images in the order of their names, what is missing is said."""

from __future__ import annotations

import pytest

from headstart.data.box_notes import BoxNotes, NotedBox, NotedImage
from headstart.data.from_notes import from_notes
from headstart.data.roles import Columns
from headstart.data.scan import scan
from headstart.errors import DataError

from .boxed_sets import pictures

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
