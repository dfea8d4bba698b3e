"""A model of masks on items of a data set, from their files."""

from __future__ import annotations

import numpy as np

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.nets.model import Model
from headstart.nets.place_runner import PlaceRunner
from headstart.strategies.problem import Prepared

__all__ = ["run_model"]

_BATCH = 16


def run_model(model: Model, prepared: Prepared, items: np.ndarray, compute: Compute) -> np.ndarray:
    """Returns (n, C, h, w) float16 calibrated probabilities of some items.

    Args:
        model: Whose head is dense.
        prepared: The usable items.
        items: (n,) int.
        compute: Where, and who hears of progress.
    """
    inputs = InputImages(
        prepared.dataset.take(items), model.preprocess, workers=compute.workers,
        progress=compute.progress,
    )  # fmt: skip
    runner = PlaceRunner(model, images=len(items) * model.tta, device=compute.device)
    found = []
    for start in range(0, len(items), _BATCH):
        stop = min(start + _BATCH, len(items))
        seen = np.stack([inputs[i] for i in range(start, stop)])[:, None]
        if model.tta == 2:
            seen = np.concatenate((seen, seen[:, :, :, ::-1]), axis=1)
        found.append(runner(seen)["probabilities"].astype(np.float16))
        compute.progress("answering for the test images", stop, len(items))
    return np.concatenate(found)
