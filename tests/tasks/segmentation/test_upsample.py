from __future__ import annotations

import numpy as np
import pytest

from headstart.images.preprocess import Preprocess
from headstart.tasks.segmentation import upsample
from headstart.tasks.segmentation.upsample import best_of, strips_of, work_of


def whole(coarse, matrix, size, stride):
    return np.concatenate([strip for _, strip in strips_of(coarse, matrix, size, stride)], axis=1)


@pytest.fixture
def coarse():
    return np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)


def test_the_whole_input_is_as_torch_interpolates_it(coarse):
    torch = pytest.importorskip("torch")
    found = whole(coarse, np.eye(2, 3), (32, 32), 4)
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(coarse)[None], size=(32, 32), mode="bilinear", align_corners=False
    )[0]
    assert np.abs(found - wanted.numpy()).max() < 1e-6


@pytest.mark.parametrize("size", [(50, 20), (20, 50), (7, 300), (3, 5), (1, 1)])
@pytest.mark.parametrize("geometry", ["pad", "squash"])
def test_a_pixel_gets_what_the_network_said_at_its_place(size, geometry):
    """The map holds its own places: so the pixel must come back with its own."""
    preprocess = Preprocess(size=64, geometry=geometry)
    matrix = preprocess.matrix(*size)
    cells = (np.arange(16) + 0.5) * 4
    coarse = np.stack(np.meshgrid(cells, cells)).astype(np.float32)
    found = whole(coarse, matrix, size, 4.0)
    assert found.shape == (2, size[1], size[0])
    across, down = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    wanted = np.stack((across * matrix[0, 0] + matrix[0, 2], down * matrix[1, 1] + matrix[1, 2]))
    assert np.abs(found - wanted).max() <= 2.0 + 1e-4, "nearer than half a cell, at the edges too"
    inside = (wanted > matrix[:, 2, None, None] + 4).all(axis=0) & (wanted < 60).all(axis=0)
    ends = matrix[:, :2] @ np.array(size) + matrix[:, 2]
    inside &= (wanted < ends[:, None, None] - 4).all(axis=0)
    if inside.any():
        assert np.abs(found - wanted)[:, inside].max() < 1e-3


def test_cells_that_lie_on_padding_play_no_part(coarse):
    coarse = np.concatenate((coarse, np.full_like(coarse, 1e6)), axis=1)
    found = whole(coarse, np.eye(2, 3), (32, 32), 4)
    assert found.max() <= 1.0


def test_the_height_of_a_strip_changes_no_digit(coarse, monkeypatch):
    before = whole(coarse, np.array([[0.3, 0, 0], [0, 0.3, 4.0]]), (100, 80), 4)
    monkeypatch.setattr(upsample, "_MOST", 900)
    after = list(strips_of(coarse, np.array([[0.3, 0, 0], [0, 0.3, 4.0]]), (100, 80), 4))
    assert len(after) > 20
    assert (np.concatenate([each for _, each in after], axis=1) == before).all()
    assert [top for top, _ in after] == list(range(0, 80, after[0][1].shape[1]))


def test_what_was_mirrored_comes_back(coarse):
    mirrored = np.array([[-1.0, 0, 32], [0, 1, 0]])
    found = whole(coarse[:, :, ::-1], mirrored, (32, 32), 4)
    assert np.abs(found - whole(coarse, np.eye(2, 3), (32, 32), 4)).max() < 1e-6


def test_what_was_turned_is_refused(coarse):
    with pytest.raises(ValueError, match="turned"):
        list(strips_of(coarse, np.array([[0.0, 1, 0], [1, 0, 0]]), (4, 4), 4))


@pytest.mark.parametrize("sharp", [0.0, 1.0, 8.0])
def test_the_best_class_is_that_of_all_classes_and_few_are_computed(sharp, monkeypatch):
    monkeypatch.setattr(upsample, "_MOST", 60 * 70 * 3)
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 1, (60, 12, 12)) + sharp * rng.normal(0, 1, (60, 1, 1))
    scores[:, 3] = scores[:1, 3]  # equal ones: the first
    coarse = np.exp(scores) / np.exp(scores).sum(axis=0)
    matrix, size = np.array([[0.5, 0, 2.0], [0, 0.5, 0]]), (70, 90)
    wanted = whole(coarse, matrix, size, 4)
    found = list(best_of(coarse, matrix, size, 4))
    assert (np.concatenate([each for _, each, _ in found]) == wanted.argmax(axis=0)).all()
    assert (np.concatenate([each for _, _, each in found]) == wanted.max(axis=0)).all()
    share = work_of(coarse, matrix, size, 4) / wanted.size
    # Of the row of equal ones all are computed, and few elsewhere.
    assert share < 0.3 if sharp == 8.0 else share <= 1.0
