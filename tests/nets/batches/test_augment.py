"""Augmentation: the right size, the same for the same seed, and never a mirror where it hurts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.images.preprocess import Preprocess
from headstart.nets.batches.augment import MARGIN, Augment, augmentation

SIZE = 64
LARGE = round(SIZE * MARGIN)
CHANGING = ("light", "standard", "strong")


def square(size: int = LARGE) -> np.ndarray:
    """Texture everywhere, the left half dark and the right half bright."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 80, (size, size, 3))
    pixels[:, size // 2 :] += 150
    return pixels.astype(np.uint8)


def drawn(augment: Augment, seed: int, pixels: np.ndarray | None = None) -> np.ndarray:
    torch.manual_seed(seed)
    return augment(square() if pixels is None else pixels)


@pytest.mark.parametrize("size", [SIZE, 33])
@pytest.mark.parametrize("policy", ["none", *CHANGING])
def test_size_and_type(policy, size):
    augment = Augment(policy, Preprocess(size))
    for seed in range(12):
        for side in (size, round(size * MARGIN)):
            out = drawn(augment, seed, square(side))
            assert out.shape == (size, size, 3)
            assert out.dtype == np.uint8


@pytest.mark.parametrize("policy", CHANGING)
def test_the_same_seed_draws_the_same(policy):
    one, other = Augment(policy, Preprocess(SIZE)), Augment(policy, Preprocess(SIZE))
    seen = []
    for seed in range(8):
        np.random.seed(seed + 100)  # noqa: NPY002 - must not matter
        expected = drawn(one, seed)
        np.testing.assert_array_equal(drawn(other, seed), expected)
        seen.append(expected.tobytes())
    assert len(set(seen)) > 5


@pytest.mark.parametrize("policy", CHANGING)
def test_what_was_drawn_before_does_not_matter(policy):
    augment = Augment(policy, Preprocess(SIZE))
    expected = drawn(augment, 5)
    for seed in range(4):
        drawn(augment, seed)
    np.testing.assert_array_equal(drawn(augment, 5), expected)


@pytest.mark.parametrize("policy", CHANGING)
def test_every_policy_changes_pixels(policy):
    plain = drawn(Augment("none", Preprocess(SIZE)), 0)
    augment = Augment(policy, Preprocess(SIZE))
    changed = [not np.array_equal(drawn(augment, seed), plain) for seed in range(10)]
    assert all(changed)


def test_policies_differ_from_each_other():
    found = {policy: drawn(Augment(policy, Preprocess(SIZE)), 3).tobytes() for policy in CHANGING}
    assert len(set(found.values())) == 3


def test_none_is_a_resize_and_nothing_else():
    augment = Augment("none", Preprocess(SIZE))
    pixels = square()
    expected = Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    for seed in range(3):
        np.testing.assert_array_equal(drawn(augment, seed, pixels), np.asarray(expected))
    np.testing.assert_array_equal(drawn(augment, 0, square(SIZE)), square(SIZE))


def test_the_picture_itself_is_left_alone():
    pixels = square()
    for policy in ("none", *CHANGING):
        augment = Augment(policy, Preprocess(SIZE))
        for seed in range(8):
            drawn(augment, seed, pixels)
    np.testing.assert_array_equal(pixels, square())


def bright_side(pixels: np.ndarray) -> bool:
    """Tells whether the right half is brighter than the left one."""
    half = pixels.shape[1] // 2
    return float(pixels[:, half:].mean()) > float(pixels[:, :half].mean())


@pytest.mark.parametrize("policy", ["light", "standard"])
def test_without_hflip_nothing_is_mirrored(policy):
    upright = Augment(policy, Preprocess(SIZE), hflip=False)
    assert all(bright_side(drawn(upright, seed)) for seed in range(40))
    either = Augment(policy, Preprocess(SIZE))
    assert 8 < sum(bright_side(drawn(either, seed)) for seed in range(40)) < 32


def test_strong_without_hflip_never_mirrors():
    """It may turn an image upside down or invert its brightness, so colours alone do not tell."""
    upright = Augment("strong", Preprocess(SIZE), hflip=False)
    either = Augment("strong", Preprocess(SIZE))
    assert sum(bright_side(drawn(upright, seed)) for seed in range(80)) > 60
    assert 24 < sum(bright_side(drawn(either, seed)) for seed in range(80)) < 56


@pytest.mark.parametrize("policy", ["none", *CHANGING])
def test_only_hflip_flips(policy, monkeypatch):
    flips = []
    transpose = Image.Image.transpose

    def watched(image: Image.Image, method: Image.Transpose) -> Image.Image:
        if method == Image.Transpose.FLIP_LEFT_RIGHT:
            flips.append(method)
        return transpose(image, method)

    monkeypatch.setattr(Image.Image, "transpose", watched)
    for hflip in (False, True):
        augment = Augment(policy, Preprocess(SIZE), hflip=hflip)
        for seed in range(20):
            drawn(augment, seed)
        assert bool(flips) == (hflip and policy != "none")


def test_what_lies_outside_has_the_mean_colour():
    """Fill of any other colour would be seen by the network as part of the image."""
    augment = Augment("standard", Preprocess(SIZE, mean=(0.0, 1.0, 0.0)), hflip=False)
    white = np.full((LARGE, LARGE, 3), 255, np.uint8)
    green = 0
    for seed in range(40):
        out = drawn(augment, seed, white).astype(int)
        # Colour jitter may darken everything; where red is gone green must be left.
        outside = out[..., 0] < 10
        green += int(outside.sum())
        assert (out[outside][:, 1] > 100).all()
    assert green


@pytest.mark.parametrize("policy", ["none", *CHANGING])
def test_another_process_gets_the_same(policy):
    augment = Augment(policy, Preprocess(SIZE), hflip=False)
    expected = drawn(augment, 1)
    again = pickle.loads(pickle.dumps(augment))  # noqa: S301 - our own bytes
    np.testing.assert_array_equal(drawn(again, 1), expected)


def test_a_policy_is_a_module_of_torchvision():
    transform = augmentation("light", SIZE, hflip=True, fill=[1, 2, 3])
    torch.manual_seed(0)
    assert transform(Image.fromarray(square())).size == (SIZE, SIZE)
