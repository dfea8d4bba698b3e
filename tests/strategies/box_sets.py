"""Small problems of boxes: bright squares and dark bars on noise, and the starter network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.features.extract_maps import extract_maps
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.problem import FrozenNetwork, Prepared

SIZE = 64
QUIET = Compute("cpu", 1, 0)
NAMES = ("lamp", "bar")


def scene(
    seed: int, size: tuple[int, int] = (96, 80), most: int = 3
) -> tuple[np.ndarray, list[tuple[str, int, int, int, int]]]:
    """An image and (class, left, top, right, bottom) of what is on it."""
    rng, (width, height) = np.random.default_rng(seed), size
    image = rng.integers(90, 140, (height, width, 3))
    found: list[tuple[str, int, int, int, int]] = []
    for _ in range(int(rng.integers(1, most + 1))):
        lamp = bool(rng.random() < 0.6)
        wide, high = (30, 30) if lamp else (44, 18)
        left, top = int(rng.integers(0, width - wide)), int(rng.integers(0, height - high))
        box = (left, top, left + wide, top + high)
        if any(
            box[0] < each[3] and each[1] < box[2] and box[1] < each[4] and each[2] < box[3]
            for each in found
        ):
            continue
        image[top : box[3], left : box[2]] = (250, 240, 90) if lamp else (20, 10, 60)
        found.append((NAMES[0] if lamp else NAMES[1], *box))
    return image.astype(np.uint8), found


def write_scenes(
    root: Path,
    count: int = 16,
    test: int = 4,
    *,
    nothing_on: tuple[int, ...] = (),
    kinds: tuple[str, ...] = NAMES,
) -> Path:
    """COCO files of train and test, with images beside."""
    for split in ("train", "test"):
        numbers = [i for i in range(count) if (i >= count - test) == (split == "test")]
        images, boxes = [], []
        (root / split).mkdir(parents=True, exist_ok=True)
        for number in numbers:
            image, found = scene(number)
            if number in nothing_on:
                image, found = np.full_like(image, 110), []
            Image.fromarray(image).save(root / split / f"{number:03}.png")
            images.append({"id": number, "file_name": f"{number:03}.png", "width": image.shape[1],
                           "height": image.shape[0]})  # fmt: skip
            for name, left, top, right, bottom in found:
                if name in kinds:
                    boxes.append({"id": len(boxes) + 1, "image_id": number, "iscrowd": 0,
                                  "category_id": NAMES.index(name) + 1, "area": 1,
                                  "bbox": [left, top, right - left, bottom - top]})  # fmt: skip
        categories = [{"id": NAMES.index(name) + 1, "name": name} for name in kinds]
        content = {"images": images, "annotations": boxes, "categories": categories}
        (root / split / "_annotations.coco.json").write_text(json.dumps(content))
    return root


def scenes(root: Path, count: int = 16, test: int = 4) -> Dataset:
    """The same, opened."""
    return open_dataset(str(write_scenes(root, count, test)), task="detection")


def seen(dataset: Dataset, size: int = SIZE) -> tuple[Prepared, FrozenNetwork]:
    """All items, each by itself, and their maps."""
    backbone, n = open_backbone("starter"), len(dataset)
    preprocess = replace(backbone.preprocess, size=size, geometry="pad")
    found = extract_maps(dataset, backbone, preprocess, QUIET)
    prepared = Prepared(dataset, found.stats, np.arange(n), dataset.splits, np.zeros(n, bool))
    return prepared, FrozenNetwork(backbone, preprocess, 1, Frozen(found.vectors, {}), found.maps)
