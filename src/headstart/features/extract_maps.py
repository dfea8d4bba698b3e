"""`MapFeatures`: the stage maps of a data set under one backbone, for masks.

Maps are large (half a megabyte an image at 256 px) and quick to compute again, so they are kept
for one run only: in memory where they are few, else in a file that goes with the process.
torch is imported by the functions that need it: images are decoded beside that.
"""

from __future__ import annotations

import collections
import math
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import DataError, OutputError
from headstart.features.extract import Features
from headstart.images.pixels import read_pixels
from headstart.images.prefetch import prefetch
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import cache_folder
from headstart.nets.engines.engine import Engine, batched, stream
from headstart.nets.pretrained.backbone import Backbone

if TYPE_CHECKING:
    from headstart.nets.pretrained.maps import MapLayout

__all__ = ["MapFeatures", "MapRows", "Maps", "extract_maps", "fill_maps", "new_maps", "new_rows"]

# Up to here maps are held in memory.
_MEMORY = 768 << 20
_LARGEST = 65504.0


class MapRows:
    """The maps of some images, read where they lie: all of them may be more than memory holds.

    Args:
        rows: (R, D) float16.
        items: (N,) int: which row is that of each image.
        start: The first column that is read.
    """

    def __init__(self, rows: np.ndarray, items: np.ndarray, start: int) -> None:
        self._rows, self._items, self._start = rows, items, start

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, images: slice | np.ndarray) -> np.ndarray:
        """Returns (n, D - start) float16."""
        return self._rows[self._items[images], self._start :]


@dataclass(frozen=True)
class Maps:
    """The maps of N images.

    Attributes:
        layout: How each row lies.
        rows: (R, D) float16; rows of unreadable images are zero.
        place: Where they are and how large, for people.
        items: (N,) int: which row is that of each image; None where each has its own.
    """

    layout: MapLayout
    rows: np.ndarray
    place: str
    items: np.ndarray | None = None

    def take(self, kept: np.ndarray) -> Maps:
        """Returns those of some images, by (N,) bool mask; nothing is copied."""
        items = np.arange(len(self.rows)) if self.items is None else self.items
        return replace(self, items=items[kept])

    def since(self, stage: int) -> MapRows:
        """Returns the maps of every image from a stage on."""
        items = np.arange(len(self.rows)) if self.items is None else self.items
        return MapRows(self.rows, items, self.layout.bounds[stage - self.layout.first])


@dataclass(frozen=True)
class MapFeatures(Features):
    """Maps in the place of pooled vectors, which have no columns here.

    Attributes:
        maps: Of the N items.
        fast: The engine, held so that whoever asks for the same one gets it (`maps_engine`).
    """

    maps: Maps | None = None
    fast: Engine | None = None


def new_maps(layout: MapLayout, count: int) -> Maps:
    """Returns room for the maps of some images.

    Args:
        layout: How each row lies.
        count: N.

    Raises:
        OutputError: If the disk has no room for them.
    """
    rows, place = new_rows((count, layout.bounds[-1]), np.float16, "maps")
    return Maps(layout, rows, place)


def new_rows(shape: tuple[int, ...], kind: type[np.generic], what: str) -> tuple[np.ndarray, str]:
    """Returns zeros in memory, or in a file of the cache where they are many.

    Args:
        shape: N first.
        kind: Of the numbers.
        what: They are, for people.

    Returns:
        The array; and where it is and how large, for people.

    Raises:
        OutputError: If the disk has no room for it.
    """
    size = np.dtype(kind).itemsize * math.prod(shape)
    said = f"{size / 1e6:,.0f} MB"
    if size <= _MEMORY:
        return np.zeros(shape, kind), f"{said} in memory"
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without a name: it goes with the process.
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        file.truncate(size)
        rows = np.memmap(file, kind, "r+", shape=shape)
    except OSError as error:
        raise OutputError(
            f"the {what} of {shape[0]:,} images need {said} in {folder} "
            f"({error.strerror or error}): free some space, name another place "
            f"by HEADSTART_CACHE, or choose a smaller --image-size"
        ) from None
    return rows, f"{said} on disk, until the run ends"


def fill_maps(
    maps: Maps, engine: Engine, images: Iterable[tuple[int, np.ndarray]], offset: int = 0
) -> Iterator[int]:
    """Computes maps, and yields the number of each image as it is done.

    Args:
        maps: To fill.
        engine: Of the same layout.
        images: (number, (size, size, 3) uint8).
        offset: Row of image 0.
    """
    import torch

    for numbers, rows in stream(engine, batched(images, engine.batch)):
        # torch rounds to halves and back three times as fast as numpy, to the same numbers.
        halves = torch.from_numpy(rows).clamp_(-_LARGEST, _LARGEST).half()
        maps.rows[np.asarray(numbers) + offset] = halves.numpy()
        yield from numbers


def extract_maps(
    dataset: Dataset,
    backbone: Backbone,
    preprocess: Preprocess,
    compute: Compute,
    *,
    wanted: bool = True,
) -> MapFeatures:
    """Computes the maps of every image of a data set, in one pass over the files.

    Args:
        dataset: N items.
        backbone: A pretrained network in timm's layout.
        preprocess: How images are fitted.
        compute: Where, and who hears of progress.
        wanted: Whether anything reads the maps; else only the images are, and no map has a row.

    Raises:
        BackboneError: If the network cannot be loaded, or has no maps.
        DataError: If no image at all can be read.
    """
    started = time.perf_counter()
    compute.begin("loading the network")
    count = len(dataset)
    with prefetch(dataset, preprocess, (0.5,)) if count else nullcontext():
        from headstart.nets.pretrained.maps import map_layout, maps_engine

        engine = None
        if wanted:
            engine = maps_engine(backbone, preprocess, images=count, device=compute.device)
        layout = map_layout(backbone, preprocess)
    seconds = {"engine": time.perf_counter() - started}
    stats, maps = ImageStats.empty(count), Maps(layout, np.zeros((count, 0), np.float16), "none")
    reader = read_pixels(
        dataset, stats, preprocess=preprocess, workers=compute.workers, progress=compute.progress
    )
    images, done = ((index, inputs[0]) for index, _, inputs in reader), 0
    if engine is None:
        collections.deque(images, maxlen=0)
    else:
        maps = new_maps(layout, count)
        done = sum(1 for _ in fill_maps(maps, engine, images))
    if not stats.readable.any():
        reason = next(iter(stats.errors.values()), "it is empty")
        raise DataError(f"no image under {dataset.root} can be read; the first: {reason}")
    seconds["read and embed"] = time.perf_counter() - started - seconds["engine"]
    nothing = np.zeros((count, 0), np.float32)
    return MapFeatures(
        nothing,
        {},
        stats,
        engine.summary if engine else "none",
        seconds,
        computed=done,
        maps=maps,
        fast=engine,
    )
