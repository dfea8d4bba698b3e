"""Small sets of images with masks, made by the tests themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> np.ndarray:
    """(H, W, 3) uint8 of a smooth random image."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def blocks(seed: int, values: tuple[int, ...], size: tuple[int, int] = (40, 30)) -> np.ndarray:
    """(H, W) of the first value with one rectangle of each of the others."""
    width, height = size
    mask = np.full((height, width), values[0], np.uint16 if max(values) > 255 else np.uint8)
    rng = np.random.default_rng(seed)
    step = width // max(1, len(values) - 1)
    for number, value in enumerate(values[1:]):
        top = int(rng.integers(1, height // 3))
        mask[top : top + height // 2, number * step + 1 : (number + 1) * step - 1] = value
    return mask


def write(path: Path, pixels: np.ndarray, **save: object) -> None:
    """Saves an image, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **save)


def paletted(path: Path, pixels: np.ndarray, colours: list[tuple[int, int, int]]) -> None:
    """Saves indices with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels.astype(np.uint8), "L").convert("P")
    image.putdata(pixels.ravel().tolist())
    flat = [channel for colour in colours for channel in colour]
    image.putpalette(flat + [0] * (768 - len(flat)))
    image.save(path)


def folder(root: Path, values: tuple[int, ...] = (0, 255), count: int = 4) -> Path:
    """images/ and masks/ of numbered files."""
    for number in range(count):
        write(root / f"images/{number}.jpg", noise(number))
        write(root / f"masks/{number}.png", blocks(number, values))
    return root
