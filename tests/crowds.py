"""People that are drawn textures, for whatever learns to know people again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def crowd(root: Path, people: int = 8, each: int = 6, *, split: str = "", size: int = 40) -> Path:
    """Every person is a coarse pattern, seen in another light and place each time."""
    for who in range(people):
        pattern = np.random.default_rng(who).integers(40, 216, (4, 4, 3), np.uint8)
        face = Image.fromarray(pattern).resize((size + 8, size + 8), Image.Resampling.BICUBIC)
        for number in range(each):
            rng = np.random.default_rng([who, number])
            left, top = (int(each) for each in rng.integers(0, 9, 2))
            seen = np.asarray(face.crop((left, top, left + size, top + size)), float)
            seen = seen * rng.uniform(0.6, 1.3) + rng.normal(0, 25, seen.shape)
            part = {"image": ("train", "val")[number % 2], "person": ("train", "test")[who % 2]}
            place = root / part.get(split, "") / f"person{who}" / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(seen.clip(0, 255).astype(np.uint8)).save(place)
    return root
