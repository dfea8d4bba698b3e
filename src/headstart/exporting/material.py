"""`Material`: the images of a run that an export is proven on, and what the run knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.compute import Progress
from headstart.data.labels import Labels
from headstart.errors import HeadstartError, ImageError, ModelError
from headstart.exporting.cost import HeldOut
from headstart.images.given import inputs_of
from headstart.nets.model import Model
from headstart.results.items import read_items, where_now
from headstart.results.outputs import read_parts
from headstart.run import Run

__all__ = ["Material", "gather"]

_PARITY_ON = 256
# Histograms of every activation are kept for two of the methods: more images are more memory.
_CALIBRATED_ON = 64
_COMPARED_ON = 512


@dataclass(frozen=True)
class Material:
    """Images of a run as the network sees them.

    Attributes:
        shown: (P, V, size, size, 3) uint8 test images, to compare answers on.
        calibration: (M, V, size, size, 3) uint8 training images to calibrate on.
        compared: (N, V, size, size, 3) uint8 other training images.
        labels: Of `compared`.
        tested: What the run gave for items that it had not learnt from.
    """

    shown: np.ndarray
    calibration: np.ndarray
    compared: np.ndarray
    labels: Labels
    tested: HeldOut


def gather(run: Run, model: Model, data: Path | None, *, seed: int, progress: Progress) -> Material:
    """Reads the images of a run, a few hundred of them at random.

    Args:
        run: Finished.
        model: Its model: how images are fitted.
        data: Where the images are now; by default where they were.
        seed: Of the choice.
        progress: Called as images are read.

    Raises:
        ModelError: If the run cannot be read, or its images are gone.
    """
    items = read_items(run)
    try:
        paths = where_now(items, data)
    except HeadstartError as error:
        raise ModelError(
            f"an export is proven on the images of the run, and they cannot be read: {error}"
        ) from None
    there = np.array([path is not None for path in paths], bool) & items.dataset.labelled
    test, training = np.flatnonzero(items.tested & there), np.flatnonzero(items.trained & there)
    if not len(test) or not len(training):
        raise ModelError(
            f"an export is proven on the images of the run, and "
            f"{data or items.dataset.root} has none of them any more (images are known by their "
            f"content): bring them back, or say where they are now with --data"
        )
    rng = np.random.default_rng(seed)
    chosen = test[np.sort(rng.permutation(len(test))[:_PARITY_ON])]
    shown, _ = _inputs(chosen, paths, model, progress, "reading images")
    # Other training images than those that int8 is calibrated on tell what it costs.
    some = training[rng.permutation(len(training))[: _CALIBRATED_ON + _COMPARED_ON]]
    images, kept = _inputs(some, paths, model, progress, "reading training images")
    if len(images) < 2:
        raise ModelError(
            f"only {len(images)} training image of {run.folder} can be read: one to calibrate on "
            f"and one to compare are needed; bring them back, or train again"
        )
    cut = max(1, min(_CALIBRATED_ON, len(images) // 3))
    labels = items.dataset.labels.take(kept[cut:])
    return Material(shown, images[:cut], images[cut:], labels, HeldOut(read_parts(run), items))


def _inputs(
    chosen: np.ndarray,
    paths: Sequence[Path | None],
    model: Model,
    progress: Progress,
    phase: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (N, V, size, size, 3) uint8 and (N,) items of the images that can be read."""
    inputs, kept = [], []
    for done, item in enumerate(chosen.tolist()):
        path = paths[item]
        assert path is not None, "only images that are there are chosen"
        try:
            inputs.append(inputs_of(path, model.preprocess, model.tta))
            kept.append(item)
        except ImageError:
            continue
        progress(phase, done + 1, len(chosen))
    if not inputs:
        raise ModelError(f"none of the run's images can be read any more: {paths[chosen[0]]}, …")
    return np.stack(inputs), np.array(kept)
