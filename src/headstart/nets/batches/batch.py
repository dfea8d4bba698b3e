"""`Batch`: some images of one step, with what the loss wants of each, and who makes that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from headstart.nets.batches.places import ImagePlaces

__all__ = ["Batch", "Lookup", "Targets", "part_of"]


@dataclass(frozen=True)
class Batch:
    """Some images of one step.

    Attributes:
        images: (n, size, size, 3) uint8; or (n, ...) float, what a frozen part made of them.
        items: (n,) int positions in the training data.
        targets: What the loss wants of each image, as `Targets.collate` made it; or None. A
            tensor with n rows, a list of n things, or tuples and dictionaries of such.
    """

    images: torch.Tensor
    items: np.ndarray
    targets: Any = None

    def to(self, device: str) -> Batch:
        """Returns it with every tensor on a device."""
        targets = _each(self.targets, lambda tensor: tensor.to(device))
        return replace(self, images=self.images.to(device), targets=targets)


def part_of(targets: Any, rows: torch.Tensor) -> Any:
    """Returns the targets of some images of a batch, as `Batch.targets` holds them.

    Args:
        targets: Of n images.
        rows: (m,) int which of them.
    """
    if isinstance(targets, list):
        return [targets[row] for row in rows.tolist()]
    if isinstance(targets, tuple):
        return _like(targets, (part_of(each, rows) for each in targets))
    if isinstance(targets, dict):
        return {key: part_of(each, rows) for key, each in targets.items()}
    return None if targets is None else targets[rows]


def _each(targets: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Applies a function to every tensor in some targets."""
    if isinstance(targets, list | tuple):
        return _like(targets, (_each(each, function) for each in targets))
    if isinstance(targets, dict):
        return {key: _each(each, function) for key, each in targets.items()}
    return function(targets) if isinstance(targets, torch.Tensor) else targets


def _like(given: Any, parts: Iterable[Any]) -> Any:
    """Returns parts as a list or tuple of the kind that was given."""
    make = getattr(type(given), "_make", type(given))  # of a named tuple
    return make(parts)


@dataclass(frozen=True)
class Targets:
    """What the loss wants of each image of a batch, and who makes it.

    The first two run in the loading processes, which on some systems get them as bytes: give
    functions of a module, or objects with `__call__`, not closures. Nothing is drawn in them.

    Attributes:
        collate: (n,) positions in the data, and n `ImagePlaces` or None as they lie on the
            augmented images, to what `Batch.targets` is.
        places: Position in the data to what moves with that image, in pixels of the image that is
            augmented; None where nothing does.
        mix: A batch on its device and a seed to the batch that is learnt from, for what mixes
            images with each other; None where nothing does.
    """

    collate: Callable[[np.ndarray, list[ImagePlaces | None]], Any]
    places: Callable[[int], ImagePlaces] | None = None
    mix: Callable[[Batch, tuple[int, ...]], Batch] | None = None


@dataclass(frozen=True)
class Lookup:
    """The `Targets.collate` of tasks whose target is one number or row an image.

    Attributes:
        values: (N, ...) of the training items.
    """

    values: np.ndarray

    def __call__(self, items: np.ndarray, places: list[ImagePlaces | None]) -> torch.Tensor:
        """Returns (n, ...): the rows of some items."""
        return torch.from_numpy(self.values[items])
