"""What a dense head learns of a mask."""

from __future__ import annotations

import numpy as np

from headstart.images.preprocess import Preprocess
from headstart.probe.dense_targets import (
    are_uneven,
    cell_shares,
    class_weights,
    mask_shares,
    mask_square,
    shares_of,
)

PAD = Preprocess(size=32, geometry="pad")


def test_shares_keep_what_nearest_pixels_lose():
    mask = np.zeros((64, 128), np.uint8)
    mask[:, 31] = 1  # a line a quarter of a pixel of the input wide
    mask[:10] = 255
    shares = shares_of(mask, PAD.matrix(128, 64), 32, 128, 64, 2)
    assert shares.shape == (2, 32, 32)
    assert not shares[:, :8].any()
    assert not shares[:, 24:].any()
    assert abs(int(shares[1, 16, 7]) - 64) <= 1
    assert shares[:, 8:10].sum() == 0
    cells = cell_shares(shares, 4)
    assert cells.shape == (2, 8, 8)
    assert abs(int(cells[1, 4, 1]) - 16) <= 1


def test_every_pixel_is_shared_out_to_the_last_part():
    mask = np.random.default_rng(0).integers(0, 3, (100, 71), dtype=np.uint8)
    shares = shares_of(mask, PAD.matrix(71, 100), 32, 71, 100, 3)
    inside = shares[0] > 0
    assert inside.any()
    assert (shares[:, inside].sum(axis=0, dtype=int) == 255).all()
    whole = np.full((50, 50), 1, np.uint8)
    assert (shares_of(whole, PAD.matrix(50, 50), 32, 50, 50, 2)[1] == 255).all()


def test_cells_are_means_of_their_pixels():
    shares = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 24), dtype=np.uint8)
    for stride in (1, 2, 4, 8):
        cells = shares.reshape(2, 3, 16 // stride, stride, 24 // stride, stride)
        means = np.floor(cells.mean(axis=(3, 5)) + 0.5)
        assert np.array_equal(cell_shares(shares, stride), means)


def test_a_square_shows_the_mask_where_the_image_is():
    mask = np.array([[0, 1], [1, 0]], np.uint8)  # of another size than its image
    square = mask_square(mask, PAD.matrix(100, 50), 32, 100, 50)
    assert (square[:8] == 255).all()
    assert (square[24:] == 255).all()
    assert (square[8:16, :16] == 0).all()
    assert (square[8:16, 16:] == 1).all()
    assert (mask_shares(square, 2, 8)[1, 1] == [0, 0, 255, 255]).all()


def test_only_rare_classes_are_weighted():
    even = class_weights(np.array([70.0, 30.0]), "auto")
    assert np.allclose(even, 1)
    rare = class_weights(np.array([9900.0, 100.0, 0.0]), "auto")
    assert 9 < rare[1] / rare[0] < 11
    assert np.isclose(rare[:2].mean(), 1)
    assert class_weights(np.array([70.0, 30.0]), "weights")[1] > 1.1
    assert np.allclose(class_weights(np.array([9900.0, 100.0]), "none"), 1)


def test_one_pixel_in_twenty_is_uneven():
    assert are_uneven(np.array([100, 4, 0]))
    assert not are_uneven(np.array([100, 6, 0]))
    assert not are_uneven(np.zeros(3))
