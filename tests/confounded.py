"""Vectors and images in which an attribute comes along with the class, more or less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes


def planted(opposing: int, *, per_class: int = 120, seed: int = 0, width: int = 12):
    """Returns (dataset, (N, width) vectors, (N,) clusters) of two classes and a column `sex`.

    Two axes show the class a little, one shows the attribute plainly; `opposing` images of each
    class have the value that goes with the other.
    """
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], per_class)
    has = np.concatenate([
        np.arange(per_class) < opposing, np.arange(per_class) >= opposing
    ])  # fmt: skip
    vectors = rng.normal(size=(2 * per_class, width))
    vectors[:, :2] += 0.7 * (2 * targets[:, None] - 1)
    vectors[:, 2] += 2.0 * (2 * has - 1)
    n = len(targets)
    dataset = Dataset(
        Path("nowhere"), tuple(f"{i:04}.png" for i in range(n)), Classes(("old", "young"), targets),
        np.full(n, ""), attributes={"sex": np.where(has, "woman", "man")},
    )  # fmt: skip
    return dataset, vectors.astype(np.float32), np.arange(n)


def paint_confounded(root: Path, opposing: int, *, per_class: int = 60, seed: int = 0) -> Path:
    """Writes class folders `dull` and `bright` whose tint nearly always gives them away.

    `attributes.csv` has the tint, a column of chance, one that is the class and one of one value.
    """
    rng = np.random.default_rng(seed)
    lines = ["file,tint,coin,again,same"]
    for kind, name in enumerate(("dull", "bright")):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            red = (kind == 1) != (number < opposing)
            pixels = rng.integers(60, 160, (32, 32, 3)).astype(float)
            pixels += 14 * kind + rng.normal(0, 7)
            pixels[..., 0 if red else 2] += 60
            file = f"{name}/{number:03}.png"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / file)
            lines.append(f"{file},{'red' if red else 'blue'},{rng.integers(2)},{name}ish,here")
    (root / "attributes.csv").write_text("\n".join(lines) + "\n")
    return root
