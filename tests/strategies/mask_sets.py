"""Small problems of masks: bright discs on a dark ground, and the starter network at 64 pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.features.extract_maps import extract_maps
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.training.loop import Training

SIZE = 64
QUIET = Compute("cpu", 1, 0)


def disc(seed: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask, 0 and 255."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    middle, radius = rng.uniform(0.3, 0.7, 2) * (width, height), rng.uniform(12, 22)
    mask = (across - middle[0]) ** 2 + (down - middle[1]) ** 2 < radius**2
    image = rng.integers(30, 90, (height, width, 3))
    image[mask] += (120, 60, 10)
    return image.astype(np.uint8), np.where(mask, 255, 0).astype(np.uint8)


def write_discs(
    root: Path, count: int = 12, test: int = 4, size: tuple[int, int] = (90, 70)
) -> Path:
    """A folder of images and masks, the last of them under test/."""
    for number in range(count):
        split = "test" if number >= count - test else "train"
        image, mask = disc(number, *size)
        for kind, pixels in (("images", image), ("masks", mask)):
            place = root / split / kind if test else root / kind
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number:03}.png")
    return root


def write_lines(root: Path, count: int, test: int, side: int = 288) -> Path:
    """Images of dark lines two pixels wide on noise, and their masks, the last under test/."""
    for number in range(count):
        rng = np.random.default_rng(number)
        across, down = np.meshgrid(np.arange(side), np.arange(side))
        mask = np.zeros((side, side), bool)
        for angle, offset in rng.uniform((0, 0.2), (np.pi, 0.8), (12, 2)):
            away = np.cos(angle) * (across - offset * side) + np.sin(angle) * (down - side / 2)
            mask |= np.abs(away) < 1
        image = np.where(mask, 90, 150) + rng.normal(0, 25, (side, side))
        split = "test" if number >= count - test else "train"
        for kind, pixels in (("images", np.clip(image, 0, 255)), ("masks", 255 * mask)):
            place = root / split / kind
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number:03}.png")
    return root


def discs(root: Path, count: int = 12, test: int = 4, size: tuple[int, int] = (90, 70)) -> Dataset:
    """The same, opened."""
    return open_dataset(str(write_discs(root, count, test, size)), task="segmentation")


def material(dataset: Dataset, size: int = SIZE) -> tuple[Prepared, FrozenNetwork]:
    """All items, each by itself, and their maps."""
    backbone, n = open_backbone("starter"), len(dataset)
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    found = extract_maps(dataset, backbone, preprocess, QUIET)
    prepared = Prepared(dataset, found.stats, np.arange(n), dataset.splits, np.zeros(n, bool))
    frozen = Frozen(found.vectors, {})
    return prepared, FrozenNetwork(backbone, preprocess, 1, frozen, found.maps)


def stop_at(steps: tuple[int, ...], patch: pytest.MonkeyPatch) -> list[int]:
    """Interrupts training at some steps, counted over all; returns how many were begun."""
    learn, begun = Training._learn, [0]

    def stops(self, *given):
        begun[0] += 1
        if begun[0] in steps:
            raise KeyboardInterrupt
        return learn(self, *given)

    patch.setattr(Training, "_learn", stops)
    return begun
