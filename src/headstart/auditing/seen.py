"""What a model's network sees of the images of an audit: read once, and shown in other ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.auditing.evidence import Evidence
from headstart.compute import Compute
from headstart.errors import ImageError
from headstart.features.extract import feature_store
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import read_bytes
from headstart.images.given import inputs_of
from headstart.images.preprocess import Preprocess
from headstart.images.threads import ordered_map
from headstart.nets.engines.engine import stream
from headstart.nets.model import Model

__all__ = ["CoveredPart", "read_inputs", "vectors_of_parts"]


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


_Seen = tuple[np.ndarray | None, np.ndarray | None]  # a vector, or what it is to be made of


@dataclass(frozen=True)
class CoveredPart:
    """A part of every image, as a network is to see it.

    Attributes:
        name: Of the part: what the cache knows its vectors by.
        preprocess: How images are fitted.
        tta: How many views of each are averaged.
        cover: Takes and returns (V, size, size, 3) uint8.
    """

    name: str
    preprocess: Preprocess
    tta: int
    cover: Callable[[np.ndarray], np.ndarray]


def vectors_of_parts(
    model: Model,
    evidence: Evidence,
    parts: tuple[CoveredPart, ...],
    compute: Compute,
    *,
    most: int,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Embeds parts of some images at random; those that were embedded before are in the cache.

    Args:
        model: Whose network looks.
        evidence: Whose images.
        parts: What it is to see of each.
        compute: Where; its seed is that of the choice.
        most: How many images at most.

    Returns:
        (n,) int ascending, which could be read, and of each part the (n, D) vectors.
    """
    stores = [
        feature_store(model.backbone, each.preprocess, each.tta, compute.device, part=each.name)
        for each in parts
    ]
    chosen = np.random.default_rng(compute.seed).permutation(len(evidence))[:most]

    def one(row: int) -> tuple[bytes, list[_Seen]] | None:
        try:
            data = read_bytes(evidence.dataset.path(row))
            key = fingerprint_bytes(data)
            return key, [
                (kept, None)
                if (kept := store.get(key)) is not None
                else (None, part.cover(inputs_of(data, part.preprocess, part.tta)))
                for part, store in zip(parts, stores, strict=True)
            ]
        except ImageError:
            return None

    some = np.sort(chosen).tolist()
    rows, keys, seen = [], [], []
    for row, each in zip(some, ordered_map(one, some, workers=compute.workers), strict=True):
        if each is not None:
            rows.append(row)
            keys.append(each[0])
            seen.append(each[1])
    if not rows:
        return np.array([], int), []
    found = []
    for number, (part, store) in enumerate(zip(parts, stores, strict=True)):
        known = {key: each[number][0] for key, each in zip(keys, seen, strict=True)}
        new = {key: each[number][1] for key, each in zip(keys, seen, strict=True)}
        fresh = {key: each for key, each in new.items() if each is not None}
        if fresh:
            vectors = _embedded(model, part, np.stack(list(fresh.values())), compute)
            for key, vector in zip(fresh, vectors, strict=True):
                known[key] = vector  # a cache that cannot be written forgets it
                store.add(key, vector)
            store.flush()
        found.append(np.stack([np.asarray(known[key]) for key in keys]))
    return np.array(rows, int), found


def _embedded(model: Model, part: CoveredPart, inputs: np.ndarray, compute: Compute) -> np.ndarray:
    """Returns (N, D) vectors of (N, V, size, size, 3) uint8."""
    images = inputs.reshape(-1, *inputs.shape[2:])
    engine = model.backbone.engine(
        part.preprocess, images=len(images), proof=images[:1], device=compute.device
    )
    starts = range(0, len(images), engine.batch)
    parts = ((start, images[start : start + engine.batch]) for start in starts)
    vectors = np.concatenate([each for _, each in stream(engine, parts)])
    return part.preprocess.pooled(vectors, part.tta)
