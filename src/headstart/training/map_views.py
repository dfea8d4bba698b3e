"""Varied views of training images: fresh ones, or `MapViews`, whose maps are computed once each."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.features.extract_maps import Maps, fill_maps, new_maps
from headstart.images.threads import ordered_map
from headstart.nets.batches.batch import Batch
from headstart.nets.batches.loader import Key, Rest
from headstart.nets.engines.engine import Engine
from headstart.nets.masks.loss import torch_shares
from headstart.nets.masks.warp import Warp, warped
from headstart.nets.pretrained.maps import MapLayout

__all__ = ["MapViews", "Scenes", "VariedImages", "fresh_views"]


class VariedImages(Protocol):
    """Training images with what is to be learnt of each, varied together."""

    def __len__(self) -> int:
        """N."""

    def draw(self, item: int, rng: np.random.Generator) -> tuple[np.ndarray, Any]:
        """Returns one view, (size, size, 3) uint8, and what is to be learnt of it."""

    def collate(self, wanted: Sequence[Any]) -> Any:
        """Returns what `Batch.targets` is, of what `draw` gave for n images."""


@dataclass(frozen=True)
class Scenes:
    """Training images with their masks.

    Attributes:
        squares: (N, side, side, 3) uint8 images, larger than the network sees them.
        masks: (N, side, side) uint8 classes, 255 ignored.
        n_classes: C.
        stride: Side in pixels of the cells whose shares are learnt.
        warp: How views are varied.
    """

    squares: np.ndarray
    masks: np.ndarray
    n_classes: int
    stride: int
    warp: Warp

    def __len__(self) -> int:
        return len(self.squares)

    def draw(self, item: int, rng: np.random.Generator) -> tuple[np.ndarray, bytes]:
        """Returns a view and its mask, which takes a hundredth of the room while it waits."""
        image, mask = warped(self.squares[item], self.masks[item], self.warp, rng)
        return image, zlib.compress(mask.tobytes(), 1)

    def collate(self, wanted: Sequence[bytes]) -> torch.Tensor:
        """Returns (n, C, h, w) the share of each class in every cell, from 0 to 1."""
        side = self.warp.size
        masks = np.stack([np.frombuffer(zlib.decompress(each), np.uint8) for each in wanted])
        return torch_shares(
            torch.from_numpy(masks.reshape(-1, side, side)), self.n_classes, self.stride
        )


def fresh_views(
    scenes: VariedImages, keys: Iterable[list[Key]], compute: Compute
) -> Iterator[Batch]:
    """Yields batches of images that are varied anew every time.

    Args:
        scenes: The images.
        keys: Which, in which batch.
        compute: The seed of what is drawn, and how many draw beside the training.
    """

    def draw(part: list[Key]) -> Batch:
        found = [
            scenes.draw(item, np.random.default_rng([compute.seed, epoch, item, before, 7]))
            for item, epoch, before, _ in part
        ]
        images = torch.from_numpy(np.stack([image for image, _ in found]))
        items = np.array([key[0] for key in part])
        return Batch(images, items, scenes.collate([wanted for _, wanted in found]))

    beside = 1 if compute.device == "cpu" else None
    yield from ordered_map(draw, cast(Any, keys), workers=beside)


class MapViews:
    """Maps of several views of N training images, and what is to be learnt of each.

    Args:
        engine: Gives the maps of all stages.
        layout: Of those.
        first: The first stage that is held.
        scenes: What is varied.
        count: Views of an image; epochs take them in turn.
        compute: The seed of what is drawn, and who is told.
    """

    def __init__(
        self,
        engine: Engine,
        layout: MapLayout,
        first: int,
        scenes: VariedImages,
        *,
        count: int,
        compute: Compute,
    ) -> None:
        self._engine, self._layout, self._first = engine, layout, first
        self._scenes, self._compute = scenes, compute
        self.layout = layout.since(first)
        self.maps: Maps = new_maps(self.layout, len(scenes) * count)
        self._wanted: list[list[Any]] = [[] for _ in range(count)]

    @property
    def count(self) -> int:
        """Views of an image."""
        return len(self._wanted)

    def keep(self, count: int) -> None:
        """Does with fewer views, at least one.

        Args:
            count: Of an image.
        """
        del self._wanted[max(1, count) :]

    def batches(self, keys: Rest) -> Iterator[Batch]:
        """Yields the maps of the given batches, in order; a view that is new is computed."""
        n, count = len(self._scenes), len(self._wanted)
        for part in keys:
            items = np.array([key[0] for key in part])
            views = np.array([(epoch + before) % count for _, epoch, before, _ in part])
            for view in np.unique(views):
                self.see(int(view))
            rows = torch.from_numpy(self.maps.rows[views * n + items]).float()
            wanted = [self._wanted[v][i] for v, i in zip(views.tolist(), items.tolist())]
            yield Batch(rows, items, self._scenes.collate(wanted))

    def see(self, view: int) -> list[Any]:
        """Computes a view, unless it is known; returns what is to be learnt of its N images."""
        if not self._wanted[view]:
            self._see(view)
        return self._wanted[view]

    def _see(self, view: int) -> None:
        n, wanted = len(self._scenes), []
        phase = f"varied images through the frozen network, view {view + 1} of {len(self._wanted)}"

        def draw(item: int) -> tuple[np.ndarray, Any]:
            return self._scenes.draw(item, np.random.default_rng([self._compute.seed, view, item]))

        def images() -> Iterator[tuple[int, np.ndarray]]:
            for item, (image, told) in enumerate(ordered_map(draw, range(n), workers=1)):
                wanted.append(told)
                yield item, image

        self._compute.progress(phase, 0, n)
        start = self._layout.bounds[self._first - self._layout.first]
        cut = _Since(self._engine, start)
        for done, _ in enumerate(fill_maps(self.maps, cut, images(), offset=view * n), 1):
            self._compute.progress(phase, done, n)
        self._wanted[view] = wanted


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
