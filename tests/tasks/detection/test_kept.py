"""Boxes of a run come back as they were, and damage is told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from headstart.data.boxes.boxes import Boxes
from headstart.errors import ModelError
from headstart.tasks import keep_labels, kept_labels
from headstart.tasks.detection.kept import read_labels, write_labels

from .planted import sound


def test_boxes_come_back_with_everything_that_is_known_of_them(tmp_path):
    labels = sound()[0].labels
    rng = np.random.default_rng(0)
    count = len(labels.classes)
    labels = dataclasses.replace(
        labels, crowd=rng.random(count) < 0.2, difficult=rng.random(count) < 0.2,
        annotated=labels.annotated & (np.arange(len(labels)) != 3),
        ids=(4, 9, 7)[: len(labels.names)],
    )  # fmt: skip
    labels.corners[0] = (5, 5, 5, np.nan)  # what cannot be is kept too
    file = tmp_path / "labels.safetensors"
    keep_labels("detection", labels, file)
    names = [*labels.names, "no object"]  # as `kinds` has them, where such images are
    about = {"task": "detection", "classes": names, "quantity": None}
    found = kept_labels(about, [""] * len(labels), file)
    assert isinstance(found, Boxes)
    assert (found.names, found.ids) == (labels.names, labels.ids)
    for name in ("offsets", "corners", "classes", "annotated", "sizes", "crowd", "difficult",
                 "truncated", "stated", "turned"):  # fmt: skip
        np.testing.assert_array_equal(getattr(found, name), getattr(labels, name), name)
    assert [found.text(i) for i in range(5)] == [labels.text(i) for i in range(5)]


def test_no_box_at_all_is_kept_too(tmp_path):
    labels = Boxes(
        ("cat",), np.zeros(3, np.int64), np.zeros((0, 4)), np.zeros(0, np.int64), np.ones(2, bool)
    )
    write_labels(labels, tmp_path / "labels")
    assert read_labels(("cat",), 2, tmp_path / "labels").text(1) == "no object"


def test_damage_is_told(tmp_path):
    labels = sound()[0].labels
    file = tmp_path / "labels.safetensors"
    write_labels(labels, file)
    with pytest.raises(ModelError, match="the run has 3"):
        read_labels(labels.names, 3, file)
    with pytest.raises(ModelError, match="class that the run has not"):
        read_labels((), len(labels), file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(labels.names, len(labels), file)
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(labels.names, len(labels), tmp_path / "none")
