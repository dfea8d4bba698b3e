"""Scenes whose masks lie on what they show, and sets of them with something wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.checks.duplicates import clusters
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.images.pixels import measure
from headstart.tasks.segmentation.checks import check_masks


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) uint8 with a bright shape off the middle on a ground of noise, and its mask."""
    rng = np.random.default_rng(seed)
    width, height = size
    drawn = Image.new("L", size)
    left, top = rng.integers(5, width // 3), rng.integers(5, height // 3)
    corners = [(left, top), (left + width // 3, top + 9), (left + 12, top + height // 2)]
    ImageDraw.Draw(drawn).polygon([(int(x), int(y)) for x, y in corners], fill=1)
    mask = np.asarray(drawn)
    ground = rng.integers(40, 90, (height, width, 3))
    return (ground + 110 * mask[..., None]).astype(np.uint8), (mask * 255).astype(np.uint8)


def made(root: Path, count: int = 16, change=None, size: tuple[int, int] = (160, 120)) -> Path:
    """Writes scenes; `change(number, image, mask)` returns what is written instead."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(5).permutation(1000)
    for number in range(count):
        image, mask = scene(int(order[number]), size)
        if change is not None:
            image, mask = change(number, image, mask)
        Image.fromarray(image).save(root / f"images/{number:03}.png")
        Image.fromarray(mask).save(root / f"masks/{number:03}.png")
    return root


def found(root: Path, **options) -> dict:
    """What `check_masks` says: name of the check -> finding."""
    dataset: Dataset = open_dataset(root, task="segmentation", **options)
    stats = measure(dataset)
    return {each.check: each for each in check_masks(dataset, stats, clusters(stats))}
