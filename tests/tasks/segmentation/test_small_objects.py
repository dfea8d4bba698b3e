"""Objects that vanish at the size that a network sees."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tasks.segmentation.scenes import found, made

from headstart.tasks.segmentation.small_objects import areas_of_objects


def test_objects_are_counted_by_their_sides():
    mask = np.array([[1, 1, 0, 2], [0, 1, 0, 2], [1, 0, 1, 1]], np.uint8)
    kinds, areas = areas_of_objects(mask)
    own = sorted(zip(kinds.tolist(), areas.tolist(), strict=True))
    assert own == [(0, 1), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (2, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_objects_are_those_of_a_flood_fill(seed):
    mask = (np.random.default_rng(seed).random((13, 17)) < 0.55).astype(np.uint8)
    seen = np.zeros(mask.shape, bool)
    expected = []
    for start in np.ndindex(mask.shape):
        if seen[start]:
            continue
        seen[start], area, todo = True, 0, [start]
        while todo:
            y, x = todo.pop()
            area += 1
            for at in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                inside = 0 <= at[0] < 13 and 0 <= at[1] < 17
                if inside and not seen[at] and mask[at] == mask[start]:
                    seen[at] = True
                    todo.append(at)
        expected.append((int(mask[start]), area))
    kinds, areas = areas_of_objects(mask)
    assert sorted(zip(kinds.tolist(), areas.tolist(), strict=True)) == sorted(expected)


def specks(number, image, mask):
    mask = np.zeros((900, 1200), np.uint8)
    mask[100:104, 100:900:100] = 255
    return np.random.default_rng(number).integers(0, 255, (900, 1200, 3), np.uint8), mask


def test_tiny_objects_are_said_with_how_many(tmp_path):
    finding = found(made(tmp_path, 3, specks))["tiny_objects"]
    assert "24 of 24 of foreground" in finding.claim
    assert finding.evidence == tuple(f"images/{n:03}.png: foreground" for n in range(3))


def test_objects_that_can_be_seen_are_left_alone(tmp_path):
    assert "tiny_objects" not in found(made(tmp_path, 6))
