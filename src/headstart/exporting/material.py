"""`Material`: the images of a run that an export is proven on, and what the run knows of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.compute import Progress
from headstart.data.labels import Labels
from headstart.errors import HeadstartError, ImageError, ModelError
from headstart.exporting.cost import HeldOut
from headstart.images.given import sized_inputs_of
from headstart.images.preprocess import Preprocess
from headstart.images.tiles import cut_tiles
from headstart.nets.model import Model
from headstart.results.items import read_items, where_now
from headstart.results.outputs import Part, read_parts
from headstart.run import Run
from headstart.tasks.protocol import Outputs

__all__ = ["Material", "gather", "seen_parts"]

_PARITY_ON = 256
# Where every pixel is answered, as many as have so many pixels, or so many numbers of outputs.
_MOST_PIXELS = 200_000_000
_MOST_NUMBERS = 20_000_000
_MOST_BYTES = 200_000_000
# Histograms of every activation are kept for two of the methods: more images are more memory.
_CALIBRATED_ON = 64
_COMPARED_ON = 512
# Of models of masks, whose inputs are large, fewer: activations of all of them are held at once.
_CALIBRATED_SIDE = 128
# What is measured again and again, to see what int8 costs.
_HELD_NUMBERS, _HELD_AT_LEAST = 2_000_000, 20


@dataclass(frozen=True)
class Material:
    """Images of a run as the network sees them.

    Attributes:
        shown: (P, V, size, size, 3) uint8 test images, to compare answers on.
        shown_sizes: (P, 2) int their width and height in pixels.
        calibration: (M, V, size, size, 3) uint8 training images to calibrate on.
        compared: (N, V, size, size, 3) uint8 other training images.
        compared_sizes: (N, 2) int their width and height in pixels.
        labels: Of `compared`.
        tested: What the run gave for items that it had not learnt from.
    """

    shown: np.ndarray
    shown_sizes: np.ndarray
    calibration: np.ndarray
    compared: np.ndarray
    compared_sizes: np.ndarray
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
    chosen = test[np.sort(rng.permutation(len(test))[: _room(model, _PARITY_ON)])]
    shown, shown_sizes, _ = _inputs(chosen, paths, model, progress, "reading images")
    # Other training images than those that int8 is calibrated on tell what it costs.
    calibrated = _CALIBRATED_ON
    if model.head.answers_with_place:
        side = max(model.preprocess.size, _CALIBRATED_SIDE)
        calibrated = max(8, _CALIBRATED_ON * _CALIBRATED_SIDE**2 // side**2)
    some = training[rng.permutation(len(training))[: calibrated + _room(model, _COMPARED_ON)]]
    images, sizes, kept = _inputs(some, paths, model, progress, "reading training images")
    if len(images) < 2:
        raise ModelError(
            f"only {len(images)} training image of {run.folder} can be read: one to calibrate on "
            f"and one to compare are needed; bring them back, or train again"
        )
    cut = max(1, min(calibrated, len(images) // 3))
    labels = items.dataset.labels.take(kept[cut:])
    held = HeldOut(_thinned(read_parts(run), rng), items)
    return Material(shown, shown_sizes, images[:cut], images[cut:], sizes[cut:], labels, held)


def seen_parts(images: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """Returns what a network sees of some images at once: all of each, or one tile of it.

    Args:
        images: (N, V, size, size, 3) uint8.
        preprocess: How they were fitted.
    """
    if preprocess.tile is None:
        return images
    found = []
    for at, each in enumerate(images):
        tiles = [shown for *_, shown in cut_tiles(each[0], preprocess.tile, images.shape[1])]
        found.append(tiles[(at + len(tiles) // 2) % len(tiles)])
    return np.stack(found)


def _room(model: Model, most: int) -> int:
    """Returns of how many images inputs and outputs are held at once."""
    if not model.head.answers_with_place:
        return most
    size = model.preprocess.size
    numbers = sum(math.prod(shape) for shape in model.head.outputs_at(size).values())
    return max(2, min(most, _MOST_NUMBERS // max(numbers, 1), _MOST_BYTES // (3 * size**2)))


def _thinned(parts: list[Part], rng: np.random.Generator) -> list[Part]:
    """Returns fewer items of each round, where outputs are maps and all of them are too many."""
    total = sum(outputs["probabilities"].size for _, outputs, _ in parts if _are_maps(outputs))
    if total <= _HELD_NUMBERS:
        return parts
    found = []
    for items, outputs, spec in parts:
        count = round(len(items) * _HELD_NUMBERS / total)
        count = min(len(items), max(count, _HELD_AT_LEAST // len(parts), 1))
        rows = np.sort(rng.permutation(len(items))[:count])
        found.append((items[rows], {name: each[rows] for name, each in outputs.items()}, spec))
    return found


def _are_maps(outputs: Outputs) -> bool:
    return outputs["probabilities"].ndim == 4 if "probabilities" in outputs else False


def _inputs(
    chosen: np.ndarray,
    paths: Sequence[Path | None],
    model: Model,
    progress: Progress,
    phase: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (N, V, size, size, 3) uint8, (N, 2) sizes and (N,) items of what can be read."""
    inputs, sizes, kept, pixels = [], [], [], 0
    for done, item in enumerate(chosen.tolist()):
        path = paths[item]
        assert path is not None, "only images that are there are chosen"
        try:
            seen, size = sized_inputs_of(path, model.preprocess, model.tta)
        except ImageError:
            continue
        inputs.append(seen)
        sizes.append(size)
        kept.append(item)
        pixels += size[0] * size[1]
        progress(phase, done + 1, len(chosen))
        if model.head.of_pixels and pixels > _MOST_PIXELS and len(inputs) > 1:
            break
    if not inputs:
        raise ModelError(f"none of the run's images can be read any more: {paths[chosen[0]]}, …")
    return np.stack(inputs), np.array(sizes), np.array(kept)
