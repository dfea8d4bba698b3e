"""What a model's network sees of the images of an audit: read once, and shown in other ways."""

from __future__ import annotations

import numpy as np

from headstart.auditing.evidence import Evidence
from headstart.compute import Compute
from headstart.errors import ImageError
from headstart.images.decode import read_bytes
from headstart.images.given import inputs_of
from headstart.images.preprocess import Preprocess
from headstart.images.threads import ordered_map
from headstart.nets.engine import stream
from headstart.nets.model import Model

__all__ = ["read_inputs", "seen_vectors"]


def read_inputs(
    evidence: Evidence,
    rows: np.ndarray,
    looks: tuple[tuple[Preprocess, int], ...],
    compute: Compute,
    *,
    most: int,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Reads some images at random, each once.

    Args:
        evidence: Whose images.
        rows: (m,) int of those that may be read.
        looks: How they are fitted, and how many views of each are taken.
        compute: Its seed is that of the choice.
        most: How many at most.

    Returns:
        (n,) int ascending, which could be read, and of each look the (n, V, size, size, 3) uint8.
    """
    chosen = rows[np.random.default_rng(compute.seed).permutation(len(rows))[:most]]

    def one(row: int) -> list[np.ndarray] | None:
        try:
            data = read_bytes(evidence.dataset.path(row))
            return [inputs_of(data, preprocess, tta) for preprocess, tta in looks]
        except ImageError:
            return None

    kept, found = [], []
    some = np.sort(chosen).tolist()
    for row, each in zip(some, ordered_map(one, some, workers=compute.workers), strict=True):
        if each is not None:
            kept.append(row)
            found.append(each)
    if not kept:
        return np.array([], int), []
    return np.array(kept, int), [np.stack(each) for each in zip(*found, strict=True)]


def seen_vectors(
    model: Model, preprocess: Preprocess, images: np.ndarray, device: str
) -> np.ndarray:
    """Returns the (N, D) vectors of a model's network of (N, size, size, 3) uint8 images.

    Args:
        model: Whose network looks.
        preprocess: How it normalises.
        images: As it takes them.
        device: Where it runs.
    """
    engine = model.backbone.engine(
        preprocess,
        images=len(images),
        proof=images[:1],
        device=device,  # type: ignore[arg-type]
    )
    starts = range(0, len(images), engine.batch)
    parts = ((start, images[start : start + engine.batch]) for start in starts)
    return np.concatenate([each for _, each in stream(engine, parts)])
