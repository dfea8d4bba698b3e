"""Outlines of YOLO as masks: painted where they are, named, and refused where they are boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.yolo_masks import outline_files, read_outlines
from headstart.errors import DataError

SQUARE = "1 0.25 0.2 0.75 0.2 0.75 0.6 0.25 0.6"


def write(root: Path, lines: list[str], *, names: bool = True) -> Path:
    """Images of 40 x 20 with a text file each."""
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    for number, line in enumerate(lines):
        Image.new("RGB", (40, 20), (9 * number, 50, 80)).save(root / f"images/{number}.png")
        (root / f"labels/{number}.txt").write_text(line)
    if names:
        (root / "data.yaml").write_text("names: [cat, dog]\n")
    return root


def test_outlines_are_painted_and_an_empty_file_says_nothing_is_there(tmp_path):
    data = open_dataset(write(tmp_path, [SQUARE, "", SQUARE]), task="segmentation")
    labels = data.labels
    assert labels.names == ("background", "dog")
    assert "never drawn: cat" in data.reading["labels"]
    assert labels.known.all()
    wanted = np.zeros((20, 40), np.uint8)
    wanted[4:12, 10:30] = 1
    assert np.array_equal(labels.read(0), wanted)
    assert not labels.read(1).any()


def test_a_later_object_lies_on_top(tmp_path):
    data = open_dataset(
        write(tmp_path, [f"{SQUARE}\n0 0.5 0 1 0 1 1 0.5 1"] * 2), task="segmentation"
    )
    assert data.labels.names == ("background", "cat", "dog")
    assert set(np.unique(data.labels.read(0)[:, 20:])) == {1}


def test_boxes_are_no_outlines(tmp_path):
    boxes = write(tmp_path / "a", ["1 0.5 0.5 0.2 0.2"] * 3)
    assert outline_files(scan(boxes)) == []
    with pytest.raises(DataError, match="boxes and no masks"):
        open_dataset(boxes, task="segmentation")
    mixed = write(tmp_path / "b", [SQUARE, SQUARE, f"{SQUARE}\n1 0.5 0.5 0.2 0.2"])
    drawn = read_outlines(scan(mixed), outline_files(scan(mixed)))
    assert "images/2.png" not in drawn.masks
    assert ("labels/2.txt", "a line is no class with an outline of three corners or more") in (
        drawn.set_aside
    )


def test_pixels_and_classes_without_a_name_are_refused(tmp_path):
    pixels = write(tmp_path / "a", [SQUARE, SQUARE, "1 10 4 30 4 30 12 10 12"])
    with pytest.raises(DataError, match="above 1"):
        open_dataset(pixels, task="segmentation")
    nameless = write(tmp_path / "b", [SQUARE.replace("1 ", "7 ", 1)] * 2)
    with pytest.raises(DataError, match="class 7"):
        open_dataset(nameless, task="segmentation")


def test_a_folder_of_text_files_can_be_named(tmp_path):
    write(tmp_path, [SQUARE, SQUARE])
    data = open_dataset(tmp_path / "images", task="segmentation", annotations=tmp_path / "labels")
    assert data.labels.known.all()


def test_masks_and_outlines_side_by_side_are_refused(tmp_path):
    write(tmp_path, [SQUARE, SQUARE])
    (tmp_path / "masks").mkdir()
    for number in range(2):
        Image.fromarray(np.eye(20, 40, dtype=np.uint8) * 255).save(tmp_path / f"masks/{number}.png")
    with pytest.raises(DataError, match="--annotations"):
        open_dataset(tmp_path, task="segmentation")
