from __future__ import annotations

import numpy as np
import pytest

from headstart.data.annotations.rle import decode_runs, parse_runs
from headstart.tasks.segmentation import regions
from headstart.tasks.segmentation.regions import count_regions, encode_runs


def counted_by_scipy(labels, classes):
    from scipy.ndimage import label

    return [label(labels == k, np.ones((3, 3)))[1] for k in range(classes)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 5), (60, 47)])
@pytest.mark.parametrize("classes", [2, 5])
def test_regions_are_those_of_scipy(shape, classes):
    labels = np.random.default_rng(sum(shape)).integers(0, classes, shape).astype(np.uint8)
    assert count_regions(labels, classes).tolist() == counted_by_scipy(labels, classes)


def test_a_snake_is_one_region():
    """Long chains of runs, that only their ends connect."""
    labels = np.zeros((81, 80), np.uint8)
    labels[::2] = 1
    labels[1::4, -1] = labels[3::4, 0] = 1
    assert count_regions(labels, 2).tolist() == counted_by_scipy(labels, 2)
    assert count_regions(labels, 2)[1] == 1


def test_what_crosses_strips_is_one(monkeypatch):
    labels = np.random.default_rng(3).integers(0, 2, (50, 40)).astype(np.uint8)
    monkeypatch.setattr(regions, "_STRIP", 120)
    assert count_regions(labels, 2).tolist() == counted_by_scipy(labels, 2)


def test_unsure_pixels_are_no_region():
    labels = np.full((4, 4), 255, np.uint8)
    labels[0, 0] = labels[3, 3] = 1
    assert count_regions(labels, 2).tolist() == [0, 2]


def decoded(text: str, shape) -> np.ndarray:
    return decode_runs(parse_runs(text), shape[::-1])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_run_lengths_come_back(share):
    mask = np.random.default_rng(1).random((70, 113)) < share
    mask[20:60, 10:100] |= share > 0
    assert (decoded(encode_runs(mask), mask.shape) == mask).all()


def test_run_lengths_are_those_of_coco():
    """From the documentation of pycocotools: column by column, zeros first."""
    mask = np.zeros((3, 4), bool)
    mask[1:, 1] = True
    assert encode_runs(mask) == "426"
    assert (decoded(encode_runs(~mask), mask.shape) == ~mask).all()
