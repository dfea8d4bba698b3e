"""Images and masks are varied together."""

from __future__ import annotations

import numpy as np

from headstart.nets.masks.warp import Warp, warped

STILL = Warp(32, scale=1.0, turn=0.0, shift=0.0, mirror=False, colour=0.0)


def scene() -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((32, 32), np.uint8)
    mask[4:12, 6:20] = 1
    image = np.where(mask[..., None] == 1, (200, 180, 20), (10, 20, 30)).astype(np.uint8)
    return image, mask


def test_nothing_varied_is_the_same():
    image, mask = scene()
    found, told = warped(image, mask, STILL, np.random.default_rng(0))
    assert np.abs(found.astype(int) - image).max() <= 1
    assert (told == mask).all()


def test_the_mask_goes_with_the_image():
    image, mask = scene()
    warp = Warp(32, scale=1.5, turn=40, any_side_up=True, colour=0.0)
    for seed in range(8):
        found, told = warped(image, mask, warp, np.random.default_rng(seed))
        seen = told < 255
        bright = found[..., 0] > 105
        assert (bright[seen] == (told[seen] == 1)).mean() > 0.95
    again = warped(image, mask, warp, np.random.default_rng(7))
    assert (again[0] == found).all()
    assert (again[1] == told).all()


def test_outside_is_ignored_or_reflected():
    image, mask = scene()
    rng = np.random.default_rng
    small = Warp(32, scale=1.0, turn=45.0, shift=0.9, mirror=False)
    drawn = [warped(image, mask, small, rng(seed))[1] for seed in range(5)]
    assert any((told == 255).any() for told in drawn)
    mirrored = Warp(32, scale=1.0, turn=45.0, shift=0.9, reflect=True)
    assert not any((warped(image, mask, mirrored, rng(s))[1] == 255).any() for s in range(5))


def test_a_window_shows_a_part_at_full_resolution():
    image = np.zeros((64, 64, 3), np.uint8)
    image[::2] = 255
    warp = Warp(16, scale=1.0, turn=0, colour=0, window=16, reflect=True)
    found, _ = warped(image, np.zeros((64, 64), np.uint8), warp, np.random.default_rng(3))
    assert np.abs(np.diff(found[..., 0].astype(int), axis=0)).mean() > 5
