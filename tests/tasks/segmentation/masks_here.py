"""Masks and answers that tests make themselves: discs on a ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.masks.masks import Masks
from headstart.images.preprocess import Preprocess
from headstart.records import OutputSpec
from headstart.tasks.predictor import Predictor
from headstart.tasks.segmentation.maps import SegmentationMaps

PALETTE = np.array([[40, 40, 40], [255, 160, 0], [0, 120, 255]], np.uint8)
CLASSES = ("ground", "disc", "bar")


@dataclass(frozen=True)
class Kept:
    """A mask that is held in memory."""

    pixels: tuple[bytes, tuple[int, int]]

    def read(self) -> np.ndarray:
        data, shape = self.pixels
        return np.frombuffer(data, np.uint8).reshape(shape)


def masks_of(arrays, names=CLASSES) -> Masks:
    """Masks of (H, W) uint8 arrays; None of what is not annotated."""
    sources = tuple(None if a is None else Kept((a.tobytes(), a.shape)) for a in arrays)
    pixels = np.array(
        [
            np.zeros(len(names), int) if a is None
            else np.bincount(a.ravel(), minlength=256)[: len(names)]
            for a in arrays
        ]
    )  # fmt: skip
    sizes = np.array([(0, 0) if a is None else a.shape[::-1] for a in arrays])
    return Masks(tuple(names), sources, pixels, sizes, PALETTE[: len(names)])


def scene(seed: int, width: int = 90, height: int = 60, classes: int = 3) -> np.ndarray:
    """(H, W) uint8 ground with a disc and a bar."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    mask = np.zeros((height, width), np.uint8)
    middle = rng.uniform(0.3, 0.7, 2) * (width, height)
    radius = rng.uniform(0.1, 0.25) * min(width, height)
    mask[(across - middle[0]) ** 2 + (down - middle[1]) ** 2 < radius**2] = 1
    if classes > 2:
        top = int(rng.uniform(0, 0.8) * height)
        mask[top : top + max(2, height // 12)] = 2
    return mask


def maps_of(arrays, certain: float = 0.9, names=CLASSES, threshold: float = 0.0):
    """Answers whose grid is the image itself, all of one size: right where `certain` is high."""
    count = len(names)
    right = np.stack([np.eye(count, dtype=np.float32)[each] for each in arrays])
    probabilities = (certain * right + (1 - certain) / count).transpose(0, 3, 1, 2)
    n, (height, width) = len(arrays), arrays[0].shape
    return SegmentationMaps(
        tuple(f"{i:03}.png" for i in range(n)), tuple(names), PALETTE[:count], probabilities,
        np.full((n, 2), (width, height)), np.tile(np.eye(2, 3), (n, 1, 1)), threshold=threshold,
    )  # fmt: skip


class Bright(Predictor):
    """A model that calls every bright place a disc, on a grid of its own."""

    spec = OutputSpec(
        "segmentation", CLASSES, {"palette": PALETTE.tolist(), "stride": 4, "size": 64}
    )
    preprocess = Preprocess(size=64, geometry="pad")
    tta, threshold = 1, 0.0

    def outputs(self, inputs):
        blocks = inputs[:, 0].mean(axis=3).reshape(len(inputs), 16, 4, 16, 4)
        bright = blocks.mean(axis=(2, 4)) > 160
        found = np.full((len(inputs), 3, 16, 16), 0.05, np.float32)
        found[:, 1][bright] = found[:, 0][~bright] = 0.9
        return {"probabilities": found}
