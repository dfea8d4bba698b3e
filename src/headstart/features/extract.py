"""`Features`: the pooled vectors of a data set under one backbone, computed once.

Vectors are cached by the content of each image and by everything that shaped them, so
adding ten images to a folder computes ten.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

from headstart.choices import Device
from headstart.compute import Compute, Progress, silent
from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.fingerprint import fingerprint_json
from headstart.images.depths import data_set_levels
from headstart.images.pixels import read_pixels
from headstart.images.prefetch import prefetch
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import Store, cache_folder
from headstart.images.views import View, views_of
from headstart.nets.engines.engine import Engine, batched, stream
from headstart.nets.pretrained.backbone import Backbone, native_precision

__all__ = ["Features", "extract", "feature_store"]

Tag = tuple[int, bytes]
"""Index of an image and its content fingerprint."""


@dataclass(frozen=True)
class Features:
    """Pooled vectors of N items.

    Attributes:
        vectors: (N, D) float32; rows of unreadable items are zero.
        slices: Stage name -> columns; the last stage is ``"last"``.
        stats: What the same pass told about the images.
        engine: Which engine ran, for people; says so when all came from the cache.
        seconds: Phase -> wall seconds.
        computed: How many rows were computed now rather than read from the cache.
    """

    vectors: np.ndarray
    slices: dict[str, slice]
    stats: ImageStats
    engine: str
    seconds: dict[str, float] = field(default_factory=dict)
    computed: int = 0

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the vectors of some items, (M, D)."""
        return self.vectors[indices]


def extract(
    dataset: Dataset,
    backbone: Backbone,
    *,
    preprocess: Preprocess | None = None,
    tta: int = 1,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
    allow_none: bool = False,
) -> Features:
    """Embeds every image of a data set, in one pass over the files.

    Args:
        dataset: N items.
        backbone: A pretrained network.
        preprocess: How images are fitted; by default as the weights were trained, and images deeper
            than 8 bits by the levels of these.
        tta: Test-time augmentation: 1, 2, 3 or 6 views averaged (see
            `headstart.images.views.views_of`).
        device: Where the network runs.
        workers: Decoding threads.
        progress: Called as images are done.
        allow_none: Return empty features where no image can be read, instead of raising.

    Returns:
        `Features` of N rows.

    Raises:
        BackboneError: If the network cannot be loaded.
        DataError: If no image at all can be read.
    """
    if preprocess is None:
        levels = data_set_levels(dataset, workers=workers, progress=progress)
        preprocess = replace(backbone.preprocess, levels=levels)
    each = [
        _extract(dataset, backbone, look, tta, Compute(device, workers, 0, progress), allow_none)
        for look in preprocess.looks
    ]
    return each[0] if len(each) == 1 else _side_by_side(each)


def _extract(
    dataset: Dataset,
    backbone: Backbone,
    preprocess: Preprocess,
    tta: int,
    compute: Compute,
    allow_none: bool,
) -> Features:
    """Embeds every image as one look shows it."""
    device, progress = compute.device, compute.progress
    looks = views_of(tta)
    store = feature_store(backbone, preprocess, tta, device)
    stats = ImageStats.empty(len(dataset))
    positions = tuple(dict.fromkeys(look.position for look in looks))
    started = time.perf_counter()
    reader = read_pixels(
        dataset,
        stats,
        preprocess=preprocess,
        positions=positions,
        wants=lambda key: store.get(key) is None,
        workers=compute.workers,
        progress=progress,
    )
    # The first image that is not in the cache tells that an engine is needed at all.
    first = next(reader, None)
    seconds = {"engine": 0.0}
    engine_summary = "none: every vector was in the cache"
    vectors = np.empty((0, 0), np.float32)
    done = np.zeros(len(dataset), bool)
    if first is not None:
        building = time.perf_counter()
        progress("loading the network", 0, 1)
        # Where the very first image is new, so are the others, as a rule.
        with prefetch(dataset, preprocess, positions) if not first[0] else nullcontext():
            engine = backbone.engine(
                preprocess, images=len(dataset) * len(looks), proof=first[2][:1], device=device
            )
        engine_summary = engine.summary
        seconds["engine"] = time.perf_counter() - building
        vectors = np.zeros((len(dataset), backbone.info.bounds[-1]), np.float32)
        done = _embed(engine, _inputs(first, reader, looks), len(looks), vectors, store)
    if not stats.readable.any():
        if allow_none:
            return Features(vectors, {}, stats, engine_summary, seconds)
        reason = next(iter(stats.errors.values()), "it is empty")
        raise DataError(f"no image under {dataset.root} can be read; the first: {reason}")
    vectors = _filled(vectors, np.flatnonzero(stats.readable & ~done), stats, store)
    seconds["read and embed"] = time.perf_counter() - started - seconds["engine"]
    return Features(
        vectors, backbone.info.slices, stats, engine_summary, seconds, computed=int(done.sum())
    )


def feature_store(
    backbone: Backbone, preprocess: Preprocess, tta: int, device: Device, *, part: str = ""
) -> Store:
    """Opens the cache of one network's vectors of images that are fitted in one way.

    Args:
        backbone: The network.
        preprocess: One look.
        tta: How many views are averaged.
        device: Where it runs: what decides the precision.
        part: Which part of each image is seen, where it is not all of it.
    """
    recipe = [preprocess.fields, tta, native_precision(device), *([part] if part else [])]
    folder = cache_folder() / "features" / f"{backbone.home.name}-{fingerprint_json(recipe)[:16]}"
    return Store(folder, dtype=np.float32)


def _side_by_side(each: list[Features]) -> Features:
    """Returns the vectors of several looks in one, the stages of the later ones by number."""
    slices, start = {}, 0
    for number, features in enumerate(each):
        mark = f" of look {number + 1}" if number else ""
        for name, part in features.slices.items():
            slices[name + mark] = slice(start + part.start, start + part.stop)
        start += features.vectors.shape[1]
    seconds = {
        name: sum(features.seconds.get(name, 0.0) for features in each) for name in each[0].seconds
    }
    return Features(
        np.hstack([features.vectors for features in each]), slices, each[0].stats, each[0].engine,
        seconds, computed=max(features.computed for features in each),
    )  # fmt: skip


def _embed(
    engine: Engine,
    inputs: Iterator[tuple[Tag, np.ndarray]],
    views: int,
    vectors: np.ndarray,
    store: Store,
) -> np.ndarray:
    """Adds the mean over each image's views to its row of `vectors`, and to the cache.

    Returns:
        (N,) bool: the rows that are complete.
    """
    remaining = np.full(len(vectors), views, np.int16)
    try:
        for tags, batch in stream(engine, batched(inputs, engine.batch)):
            for (index, key), vector in zip(tags, batch, strict=True):
                vectors[index] += vector / views
                remaining[index] -= 1
                if not remaining[index]:
                    store.add(key, vectors[index])
    finally:
        store.flush()  # what an interrupted call has computed is kept as well
    return remaining == 0


def _filled(vectors: np.ndarray, rows: np.ndarray, stats: ImageStats, store: Store) -> np.ndarray:
    """Returns the vectors with the rows that the cache has; (0, 0) ones get their shape there."""
    for index in rows.tolist():
        row = store.get(stats.keys[index].tobytes())
        assert row is not None, "read_pixels yields what the store lacks"
        if not vectors.size:
            vectors = np.zeros((len(stats.widths), row.size), np.float32)
        vectors[index] = row
    return vectors


def _inputs(
    first: tuple[int, bytes, np.ndarray],
    reader: Iterator[tuple[int, bytes, np.ndarray]],
    looks: tuple[View, ...],
) -> Iterator[tuple[Tag, np.ndarray]]:
    """Yields every view of every image: (index, key), (size, size, 3) uint8."""
    positions = list(dict.fromkeys(look.position for look in looks))
    item: tuple[int, bytes, np.ndarray] | None = first
    while item is not None:
        index, key, pixels = item
        for look in looks:
            square = pixels[positions.index(look.position)]
            yield (index, key), look.shown(square)
        item = next(reader, None)
