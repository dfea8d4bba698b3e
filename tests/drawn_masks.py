"""Drawn images with masks: red discs and blue squares on noise, each image another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.data.masks.masks import Masks

NAMES = ("ground", "disc", "square")
PALETTE = np.array([[0, 0, 0], [220, 40, 40], [40, 40, 220]], np.uint8)


@dataclass(frozen=True)
class Drawn:
    """A mask that is in memory."""

    mask: np.ndarray

    def read(self) -> np.ndarray:
        """(H, W) uint8."""
        return self.mask


def draw_masked(seed: int, size: tuple[int, int] = (50, 50)) -> tuple[Image.Image, np.ndarray]:
    """One image of some width and height, and its (H, W) uint8 mask."""
    rng, (width, height) = np.random.default_rng(seed), size
    image = Image.fromarray(rng.integers(90, 166, (height, width, 3), dtype=np.uint8))
    mask = Image.new("L", size)
    for number, colour in ((1, (220, 50, 40)), (2, (40, 60, 220))):
        side = int(rng.integers(min(size) // 4, min(size) // 2))
        left, top = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        for canvas, value in ((image, colour), (mask, number)):
            pen = ImageDraw.Draw(canvas)
            draw = pen.ellipse if number == 1 else pen.rectangle
            draw((left, top, left + side, top + side), fill=value)
    return image, np.asarray(mask).copy()


def masks_of(drawn: list[np.ndarray]) -> Masks:
    """Some masks as labels."""
    pixels = [np.bincount(each.ravel(), minlength=256)[: len(NAMES)] for each in drawn]
    sizes = [each.shape[::-1] for each in drawn]
    return Masks(
        NAMES, tuple(Drawn(each) for each in drawn), np.array(pixels), np.array(sizes), PALETTE
    )


def write_masked(folder: Path, count: int, size: tuple[int, int] = (50, 50)) -> Masks:
    """Writes `0.png` and so on into a folder; returns their masks."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [draw_masked(seed, size) for seed in range(count)]
    for number, (image, _) in enumerate(drawn):
        image.save(folder / f"{number}.png")
    return masks_of([mask for _, mask in drawn])
