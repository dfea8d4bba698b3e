"""Images as a worse camera would have them."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.images.corrupt import CORRUPTIONS, corrupted


def scene(size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(80, 140, (size, size + 8, 3)).astype(np.uint8)
    pixels[10:30, 12:40] = (200, 90, 40)
    return pixels


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_stronger_one_changes_more_and_the_image_stays_what_it_is(name):
    pixels = scene()
    kept = pixels.copy()
    (mild, strong), words = CORRUPTIONS[name]
    found = [corrupted(pixels, name, each, seed=3) for each in (mild, strong)]
    assert words[0] != words[1]
    assert all(each.shape == pixels.shape and each.dtype == np.uint8 for each in found)
    apart = [np.abs(each.astype(float) - pixels).mean() for each in found]
    assert 0 < apart[0] < apart[1]
    assert (pixels == kept).all()
    assert (corrupted(pixels, name, strong, seed=3) == found[1]).all()


def test_each_does_what_its_name_says():
    pixels = scene()
    dark, bright = corrupted(pixels, "dark", 0.5), corrupted(pixels, "bright", 1.5)
    assert dark.mean() == pytest.approx(pixels.mean() / 2, abs=1)
    assert bright.mean() > 1.35 * pixels.mean()
    flat = corrupted(pixels, "contrast", 0.5)
    assert flat.std(axis=(0, 1)) == pytest.approx(pixels.std(axis=(0, 1)) / 2, rel=0.05)
    assert corrupted(pixels, "blur", 0.02).std() < pixels.std()
    turned = corrupted(pixels, "rotation", 25)
    assert turned.min() >= 40, "no black corners"
    flat_areas = np.ones((40, 40, 3), np.uint8) * 90
    assert (corrupted(flat_areas, "resolution", 0.25) == 90).all()
    assert corrupted(flat_areas, "noise", 20).std() == pytest.approx(20, rel=0.1)
