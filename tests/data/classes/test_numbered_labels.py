"""MATLAB's vectors of labels go by the numbers of the images, where these have no gap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from headstart.data.classes.numbered_labels import with_numbered_labels
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree
from headstart.data.labels import class_labels

LABELS = np.array([[2, 1, 1, 2, 1, 2]], np.uint8)


def opened(root, numbers=range(1, 7)):
    names = tuple(f"jpg/image_{n:05}.jpg" for n in numbers)
    tree = Tree(root, names, others=tuple(p.name for p in root.iterdir()))
    blank = np.full(len(names), "", "U5")
    dataset = Dataset(root, names, class_labels(["jpg"] * len(names)), blank, reading={})
    return with_numbered_labels(dataset, tree)


def test_flowers(tmp_path):
    savemat(tmp_path / "imagelabels.mat", {"labels": LABELS})
    savemat(tmp_path / "setid.mat", {"trnid": [[6, 1]], "valid": [[2]], "tstid": [[3, 5]]})
    dataset = opened(tmp_path)
    assert [dataset.labels.text(row) for row in range(6)] == ["2", "1", "1", "2", "1", "2"]
    assert dataset.splits.tolist() == ["train", "val", "test", "", "test", "train"]
    assert "imagelabels.mat" in dataset.reading["labels"]
    assert dataset.reading["splits"] == "by setid.mat (test 2, train 2, val 1)"
    assert dataset.set_aside == ((".", "1 image in no part of setid.mat"),)


@pytest.mark.parametrize(
    ("numbers", "content"),
    [
        ((1, 2, 3, 4, 5, 7), {"labels": LABELS}),
        (range(1, 7), {"labels": LABELS[:, :5]}),
        (range(1, 7), {"lengths": LABELS}),
        (range(1, 7), {"labels": LABELS, "classes": LABELS}),
        (range(1, 7), {"labels": LABELS + 0.5}),
        (range(1, 7), b"no such file"),
    ],
)
def test_what_is_not_sure_is_left_alone(tmp_path, numbers, content):
    if isinstance(content, bytes):
        (tmp_path / "imagelabels.mat").write_bytes(content)
    else:
        savemat(tmp_path / "imagelabels.mat", content)
    assert opened(tmp_path, numbers).labels.kinds == ("jpg",)


def test_parts_that_overlap_are_no_split(tmp_path):
    savemat(tmp_path / "imagelabels.mat", {"labels": LABELS})
    savemat(tmp_path / "setid.mat", {"trnid": [[6, 1]], "tstid": [[1, 5]]})
    assert not (opened(tmp_path).splits != "").any()
