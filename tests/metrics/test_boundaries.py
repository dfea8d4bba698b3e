from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.boundaries import boundary_counts, boundary_of, boundary_tolerance


def blobs(seed, shape=(60, 80), classes=3):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (shape[0] // 10 + 1, shape[1] // 10 + 1))
    return np.kron(coarse, np.ones((10, 10), int))[: shape[0], : shape[1]].astype(np.uint8)


def slowly(truth, answer, classes, tolerance):
    """The same by distances to every boundary pixel: another way altogether."""
    from scipy.ndimage import distance_transform_edt

    def edge(mask):
        padded = np.pad(mask.astype(int), 1, mode="edge")
        apart = np.zeros(mask.shape, bool)
        for down, across in ((0, 1), (2, 1), (1, 0), (1, 2)):
            there = padded[down : down + mask.shape[0], across : across + mask.shape[1]]
            apart |= (there != mask) & (there != 255) & (mask != 255)
        return apart

    answer = np.where(truth == 255, 255, answer)
    rows = []
    for k in range(classes):
        called, true = edge(answer) & (answer == k), edge(truth) & (truth == k)
        far = [
            distance_transform_edt(~each) if each.any() else np.full(each.shape, np.inf)
            for each in (called, true)
        ]
        rows.append(
            [
                called.sum(), (far[1][called] <= tolerance).sum(),
                true.sum(), (far[0][true] <= tolerance).sum(),
            ]
        )  # fmt: skip
    return np.array(rows)


@pytest.mark.parametrize("tolerance", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_distances(seed, tolerance):
    truth, answer = blobs(seed), np.roll(blobs(seed), (1, 3), (0, 1))
    answer[:15] = blobs(seed + 9)[:15]
    if seed % 2:
        truth[20:30, 5:25] = 255
    found = boundary_counts(truth, answer, 3, ignored=255, tolerance=tolerance)
    assert (found == slowly(truth, answer, 3, tolerance)).all()
    assert found[:, 1].sum() > 0


def test_nothing_lies_beyond_the_edge_of_a_row():
    """The last pixel of a row and the first of the next are neighbours in memory only."""
    truth, answer = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    truth[3, 8] = answer[4, 0] = 1
    assert boundary_counts(truth, answer, 2, ignored=255, tolerance=2)[1].tolist() == [1, 0, 1, 0]


def test_what_is_ignored_bounds_nothing():
    mask = np.zeros((5, 5), np.uint8)
    mask[2:] = 255
    assert not boundary_of(mask, 255).any()
    mask[2:] = 1
    assert boundary_of(mask, 255).sum() == 10


def test_an_image_without_boundaries_has_no_counts():
    flat = np.zeros((4, 4), np.uint8)
    assert not boundary_counts(flat, flat, 2, ignored=255, tolerance=1).any()


def test_the_tolerance_grows_with_the_image():
    assert boundary_tolerance(3, 5) == 1
    assert boundary_tolerance(400, 300) == 4
    assert boundary_tolerance(6000, 4000) == 54
