"""Masks as a network's output shows them."""

from __future__ import annotations

import numpy as np
from tests.strategies.mask_sets import QUIET, SIZE, discs, material

from headstart.strategies.masks.material import read_masks


def test_cells_and_squares_tell_the_same(tmp_path):
    prepared, network = material(discs(tmp_path))
    items = np.array([1, 5, 9])
    found = read_masks(prepared, items, network.preprocess, 2, QUIET)
    assert found.fine.shape == (3, 2, SIZE // 2, SIZE // 2)
    assert found.shares(4).shape == (3, 2, SIZE // 4, SIZE // 4)
    known = found.truth < 2
    foreground = (found.truth == 1).sum((1, 2)) / known.sum((1, 2))
    cells = found.fine.astype(float).sum((2, 3))
    assert np.allclose(cells[:, 1] / cells.sum(1), foreground, atol=0.02)
