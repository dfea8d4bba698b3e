"""One inverted mask among many is named; habits, cells and close-ups are not."""

from __future__ import annotations

import numpy as np
from tests.tasks.segmentation.masks_here import masks_of, scene

from headstart.data.dataset import Dataset
from headstart.tasks.segmentation.inverted import check_inverted


def found(masks, names=("ground", "disc")):
    count = len(masks)
    data = Dataset.unlabelled([f"{i}.png" for i in range(count)])
    object.__setattr__(data, "labels", masks_of(masks, names))
    return list(check_inverted(data))


def discs(count: int) -> list[np.ndarray]:
    return [scene(seed, classes=2) for seed in range(count)]


def test_one_that_is_inverted_is_named():
    masks = discs(30)
    assert found(masks) == []
    masks[7] = 1 - masks[7]
    [finding] = found(masks)
    assert (finding.check, finding.severity, finding.count) == ("inverted_masks", "warning", 1)
    assert finding.evidence == ("7.png",)


def test_where_half_are_so_nothing_is_said():
    assert found([1 - each if i % 2 else each for i, each in enumerate(discs(30))]) == []


def test_a_close_up_is_none():
    masks = discs(30)
    masks[3][:] = 1
    masks[3][:20, :20] = 0  # fills the image, but its inverse is like no other either
    masks[4] = np.ones_like(masks[4])
    masks[4][0, 0] = 0
    assert found(masks) == []


def test_cells_beside_walls_are_alike_both_ways():
    rng = np.random.default_rng(0)
    noise = [(rng.random((60, 90)) < 0.5).astype(np.uint8) for _ in range(20)]
    assert found(noise) == []
