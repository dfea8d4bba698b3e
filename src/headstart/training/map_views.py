"""`MapViews`: varied views of training images, whose maps a frozen network computes once each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from headstart.compute import Compute
from headstart.features.extract_maps import Maps, fill_maps, new_maps
from headstart.images.threads import ordered_map
from headstart.nets.batch import Batch
from headstart.nets.engine import Engine
from headstart.nets.loader import Rest
from headstart.nets.maps import MapLayout
from headstart.nets.warp import Warp, warped
from headstart.probe.dense_targets import mask_shares

__all__ = ["MapViews"]


class MapViews:
    """Maps and shares of several views of N training images.

    Args:
        engine: Gives the maps of all stages.
        layout: Of those.
        first: The first stage that is held.
        squares: (N, side, side, 3) uint8 images, larger than the network sees them.
        masks: (N, side, side) uint8 classes, 255 ignored.
        n_classes: C.
        stride: Of the head's output.
        warp: How views are varied.
        count: Views of an image; epochs take them in turn.
        compute: The seed of what is drawn, and who is told.
    """

    def __init__(
        self,
        engine: Engine,
        layout: MapLayout,
        first: int,
        squares: np.ndarray,
        masks: np.ndarray,
        *,
        n_classes: int,
        stride: int,
        warp: Warp,
        count: int,
        compute: Compute,
    ) -> None:
        self._engine, self._layout, self._first = engine, layout, first
        self._squares, self._masks = squares, masks
        self._warp, self._compute = warp, compute
        self._n_classes, self._stride = n_classes, stride
        n, cells = len(squares), layout.size // stride
        self.layout = layout.since(first)
        self.maps: Maps = new_maps(self.layout, n * count)
        self._shares = np.zeros((count, n, n_classes, cells, cells), np.uint8)
        self._known = [False] * count

    def batches(self, keys: Rest) -> Iterator[Batch]:
        """Yields the maps of the given batches, in order; a view that is new is computed."""
        n, count = len(self._squares), len(self._known)
        for part in keys:
            items = np.array([key[0] for key in part])
            views = np.array([(epoch + before) % count for _, epoch, before, _ in part])
            for view in np.unique(views):
                if not self._known[view]:
                    self._see(int(view))
            rows = torch.from_numpy(self.maps.rows[views * n + items]).float()
            shares = torch.from_numpy(self._shares[views, items]).float() / 255
            yield Batch(rows, items, shares)

    def _see(self, view: int) -> None:
        n = len(self._squares)
        phase = f"varied images through the frozen network, view {view + 1} of {len(self._known)}"

        def draw(item: int) -> tuple[np.ndarray, np.ndarray]:
            rng = np.random.default_rng([self._compute.seed, view, item])
            image, mask = warped(self._squares[item], self._masks[item], self._warp, rng)
            return image, mask_shares(mask, self._n_classes, self._stride)

        def images() -> Iterator[tuple[int, np.ndarray]]:
            for item, (image, shares) in enumerate(ordered_map(draw, range(n), workers=1)):
                self._shares[view, item] = shares
                yield item, image

        self._compute.progress(phase, 0, n)
        start = self._layout.bounds[self._first - self._layout.first]
        cut = _Since(self._engine, start)
        for done, _ in enumerate(fill_maps(self.maps, cut, images(), offset=view * n), 1):
            self._compute.progress(phase, done, n)
        self._known[view] = True


class _Since:
    """An engine without the first columns of what it gives."""

    def __init__(self, engine: Engine, start: int) -> None:
        self._engine, self._start = engine, start
        self.summary, self.precision = engine.summary, engine.precision
        self.batch, self.depth = engine.batch, engine.depth

    def start(self, slot: int, images: np.ndarray) -> None:
        self._engine.start(slot, images)

    def finish(self, slot: int) -> np.ndarray:
        return self._engine.finish(slot)[:, self._start :]
