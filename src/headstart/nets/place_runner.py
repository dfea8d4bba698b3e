"""A model that answers with places, at work: from pixels to the named outputs of its head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headstart.choices import Device
from headstart.nets.model import Model

__all__ = ["place_runner"]


def place_runner(
    model: Model, *, images: int, device: Device = "auto", exact: bool = False
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Returns what gives the named outputs of (n, V, size, size, 3) uint8 images.

    Args:
        model: Whose head answers with places.
        images: How many are to come; converting the network pays from a dozen.
        device: Where the network runs.
        exact: By plain fp32 torch, nothing folded or converted.
    """
    if model.head.answers == "masks":
        from headstart.nets.dense_runner import DenseRunner

        dense = DenseRunner(model, images=images, device=device, exact=exact)
        return lambda inputs: {"probabilities": dense(inputs)}
    from headstart.nets.box_runner import BoxRunner

    boxes = BoxRunner(model, images=images, device=device, exact=exact)
    return lambda inputs: dict(zip(("scores", "boxes"), boxes(inputs[:, 0]), strict=True))
