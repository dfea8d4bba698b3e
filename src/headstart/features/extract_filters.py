"""The fixed filters of a data set's images, beside the maps of a frozen network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.features.extract_maps import MapRows, Maps, new_maps
from headstart.images.pixels import read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.threads import ordered_map
from headstart.nets.masks.filters import Filters
from headstart.nets.masks.head import FILTER_LEVELS, DensePlan
from headstart.nets.pretrained.maps import MapLayout
from headstart.nets.stages import one_thread

__all__ = ["JoinedRows", "extract_filters", "rows_as_read"]

_LARGEST = 65504.0  # of float16
_PHASE = "filters of fine detail"


def extract_filters(dataset: Dataset, preprocess: Preprocess, compute: Compute) -> Maps:
    """Computes the filters of every image, from the pixels that its maps were made of.

    Args:
        dataset: N items; rows of unreadable images are zero.
        preprocess: How they are fitted.
        compute: Who hears of progress.

    Raises:
        OutputError: If the disk has no room for them.
    """
    size, filters = preprocess.size, Filters()
    shapes = tuple((channels, size // stride, size // stride) for channels, stride in FILTER_LEVELS)
    compute.progress(_PHASE, 0, len(dataset))
    maps = new_maps(MapLayout(size, shapes), len(dataset))
    reader = read_pixels(
        dataset, ImageStats.empty(len(dataset)), preprocess=preprocess, workers=compute.workers
    )

    def compute_one(given: tuple[int, np.ndarray]) -> int:
        index, pixels = given
        with torch.inference_mode():
            levels = filters(torch.from_numpy(np.ascontiguousarray(pixels[None])))
            row = torch.cat([each.flatten() for each in levels]).clamp_(-_LARGEST, _LARGEST)
            maps.rows[index] = row.half().numpy()
        return index

    images = ((index, inputs[0]) for index, _, inputs in reader)
    with one_thread():  # an image each: such small convolutions wait longer than they compute
        for done, _ in enumerate(ordered_map(compute_one, images, workers=compute.workers), 1):
            compute.progress(_PHASE, done, len(dataset))
    return maps


@dataclass(frozen=True)
class JoinedRows:
    """Rows of maps and of filters as one, ordered as a head reads them.

    Attributes:
        sources: What reads the rows of the stages, and of the levels.
        parts: (source, start, stop) of columns, one after the other.
    """

    sources: tuple[MapRows, MapRows]
    parts: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int:
        return len(self.sources[0])

    def __getitem__(self, images: slice | np.ndarray) -> np.ndarray:
        """Returns (n, D) float16."""
        held = [each[images] for each in self.sources]
        return np.concatenate([held[at][:, start:stop] for at, start, stop in self.parts], axis=1)


def rows_as_read(plan: DensePlan, maps: Maps, filters: Maps | None) -> tuple[MapLayout, JoinedRows]:
    """Returns what a head reads of some images, from the finest map to the coarsest.

    Args:
        plan: Of the head; it reads every stage from its first on.
        maps: Of all stages.
        filters: Of the same images; None for heads that read none.
    """
    first, count = plan.stages[0], len(plan.channels)
    own = maps.layout.since(first)
    levels = own if filters is None else filters.layout
    bounds = [list(pairwise(each.bounds)) for each in (own, levels)]
    parts, shapes = [], []
    for each in plan.read:
        of, at = (0, each - first) if each < count else (1, each - count)
        parts.append((of, *bounds[of][at]))
        shapes.append((own, levels)[of].shapes[at])
    stages = maps.since(first)
    sources = (stages, stages if filters is None else filters.since(0))
    return MapLayout(own.size, tuple(shapes)), JoinedRows(sources, tuple(parts))
