"""Engines: a frozen network run as fast as this machine can, and proven to be the same network.

An engine takes uint8 images and gives pooled vectors. Which one ran, and at which
precision, is part of every run.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

import numpy as np

from headstart.errors import BackboneError

__all__ = ["Engine", "batched", "parity", "stream", "verify_parity"]

Tag = TypeVar("Tag")


class Engine(Protocol):
    """What an engine offers.

    Attributes:
        summary: For people, e.g. ``"OpenVINO 2026.4, fp32, 2 streams"``.
        precision: ``"fp32"`` or ``"bf16"``; part of the cache key of what it computes.
        batch: Images per call it works best with.
        depth: Calls it can have under way at once.
    """

    summary: str
    precision: str
    batch: int
    depth: int

    def start(self, slot: int, images: np.ndarray) -> None:
        """Begins one batch, (n, size, size, 3) uint8 with n at most `batch`, in a free slot."""

    def finish(self, slot: int) -> np.ndarray:
        """Waits for a slot and returns its (n, D) float32 vectors."""


def batched(
    images: Iterable[tuple[Tag, np.ndarray]], size: int
) -> Iterator[tuple[list[Tag], np.ndarray]]:
    """Yields images in batches, as `stream` takes them.

    Args:
        images: (anything, (size, size, 3) uint8).
        size: Images of a batch; the last may have fewer.

    Yields:
        (the same things, (n, size, size, 3) uint8).
    """
    tags: list[Tag] = []
    waiting: list[np.ndarray] = []
    for tag, image in images:
        tags.append(tag)
        waiting.append(image)
        if len(waiting) == size:
            yield tags, np.stack(waiting)
            tags, waiting = [], []
    if waiting:
        yield tags, np.stack(waiting)


def stream(
    engine: Engine, batches: Iterable[tuple[Tag, np.ndarray]]
) -> Iterator[tuple[Tag, np.ndarray]]:
    """Runs batches in order, keeping every slot of the engine busy.

    Args:
        engine: An engine.
        batches: (anything, (n, size, size, 3) uint8).

    Yields:
        (the same thing, (n, D) float32).
    """
    busy: deque[tuple[int, Tag]] = deque()
    free = list(range(engine.depth))
    for tag, images in batches:
        if not free:
            slot, done = busy.popleft()
            yield done, engine.finish(slot)
            free.append(slot)
        slot = free.pop()
        engine.start(slot, images)
        busy.append((slot, tag))
    for slot, done in busy:
        yield done, engine.finish(slot)


def parity(vectors: np.ndarray, reference: np.ndarray) -> float:
    """Returns how well the worst row of two (N, D) arrays agrees; 0 if one is not finite.

    It is 1 - |a - b|^2 / (2 |b|^2): the cosine of rows of the same length, less for others.
    """
    if vectors.shape != reference.shape or not np.isfinite(vectors).all():
        return 0.0
    a, b = vectors.astype(np.float64), reference.astype(np.float64)
    error = np.sum((a - b) ** 2, axis=1) / np.maximum(2 * np.sum(b**2, axis=1), 1e-30)
    return float(1 - error.max())


def verify_parity(
    vectors: np.ndarray, reference: np.ndarray, *, precision: str, bounds: tuple[int, ...]
) -> None:
    """Checks an engine's vectors against plain fp32 torch, stage by stage.

    Args:
        vectors: (N, D) of the engine.
        reference: (N, D) of torch in fp32.
        precision: Of the engine; bf16 keeps 8 bits of mantissa and is allowed more.
        bounds: Where the stages begin, then D.

    Raises:
        BackboneError: If any stage of any image differs.
    """
    needed = 0.9999 if precision == "fp32" else 0.995
    for start, stop in itertools.pairwise(bounds):
        found = parity(vectors[:, start:stop], reference[:, start:stop])
        if found < needed:
            raise BackboneError(f"parity {found:.5f} with fp32 torch, below {needed}")
