"""CUB-200's lists: numbers of images, classes, the split and boxes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.listed_sets import BIRDS, cub

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.cub import cub_boxes, cub_lists
from headstart.errors import DataError


def test_lists_go_by_the_numbers_of_images(tmp_path):
    lists = cub_lists(cub(tmp_path))
    assert lists is not None
    assert lists.numbers["1"] == f"{BIRDS[0]}/bird_1.jpg"
    assert lists.classes[f"{BIRDS[1]}/bird_5.jpg"] == BIRDS[1]
    assert lists.splits[f"{BIRDS[0]}/bird_1.jpg"] == "train"
    assert lists.splits[f"{BIRDS[0]}/bird_2.jpg"] == "test"


def test_other_text_is_none(tmp_path):
    assert cub_lists(tmp_path) is None
    (tmp_path / "images.txt").write_text("cats and dogs\n")
    assert cub_lists(tmp_path) is None


def test_boxes_are_read_where_they_are_asked_for(tmp_path):
    dataset = open_dataset(cub(tmp_path), task="detection")
    assert dataset.labels.names == BIRDS
    assert np.allclose(dataset.labels.corners[0], (4, 5, 15, 17))
    assert dataset.splits.tolist() == ["train", "test"] * 4
    assert "train_test_split.txt" in dataset.reading["splits"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("train_test_split.txt", "1 train\n", "it says 1 of an image to train on"),
        ("images.txt", "1 a.jpg\n1 b.jpg\n", "two things of 1"),
        ("bounding_boxes.txt", "1 4 5 6\n", "and not left, top, width and height"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path, file, text, said):
    (cub(tmp_path) / file).write_text(text)
    with pytest.raises(DataError, match=said):
        cub_boxes(scan(tmp_path))
