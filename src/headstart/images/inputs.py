"""`InputImages`: the pixels of some images at random, for training that sees them many times."""

from __future__ import annotations

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.images.cached import pixel_store_of, square_key
from headstart.images.decode import decode, read_bytes
from headstart.images.pixels import read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import Store

__all__ = ["InputImages"]

_HELD_BYTES = 2 << 30


class InputImages:
    """N input images of a network, decoded once and held in memory where there is room.

    Args:
        dataset: N readable items.
        preprocess: How they are fitted.
        workers: Decoding threads.
        progress: Called as images are read.

    Beyond 2 GiB they stay in the cache on disk and are read from there one by one.

    Attributes:
        keys: (N, 16) uint8 content fingerprints of the files.
    """

    def __init__(
        self,
        dataset: Dataset,
        preprocess: Preprocess,
        *,
        workers: int | None = None,
        progress: Progress = silent,
    ) -> None:
        self.dataset, self.preprocess = dataset, preprocess
        size, count = preprocess.size, len(dataset)
        stats = ImageStats.empty(count)
        self._held: np.ndarray | None = None
        if count * size * size * 3 <= _HELD_BYTES:
            self._held = np.zeros((count, size, size, 3), np.uint8)
        for index, _, inputs in read_pixels(
            dataset, stats, preprocess=preprocess, workers=workers, progress=progress
        ):
            if self._held is not None:
                self._held[index] = inputs[0]
        self.keys = stats.keys
        self._store: Store | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> np.ndarray:
        """Returns (size, size, 3) uint8 RGB."""
        if self._held is not None:
            return self._held[index]
        if self._store is None:
            self._store = pixel_store_of(self.preprocess)
        pixels = self._store.get(square_key(self.keys[index].tobytes(), 0.5))
        if pixels is None:
            # At the scale of `read_pixels`, so that these are the pixels a cache would have had.
            data = read_bytes(self.dataset.path(index))
            side, levels = self.preprocess.decoding_side, self.preprocess.levels
            return self.preprocess.fit(decode(data, short_side=side, levels=levels).pixels)
        if pixels.shape[:2] != (self.preprocess.size, self.preprocess.size):
            pixels = self.preprocess.fit(pixels)
        return pixels

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_store": None}  # a worker opens its own
