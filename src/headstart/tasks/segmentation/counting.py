"""`Tally`: everything that is measured of some masks, counted in one look at each image.

Pixels are made, compared and forgotten one image at a time. The counts of an image are kept while
the process lasts, because scores, details, baselines and gains all ask for them; they are known
again by what the network gave and by the file of the mask.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.masks import IGNORED, Masks
from headstart.errors import DataError
from headstart.images.threads import ordered_map
from headstart.lists import some_of
from headstart.metrics.boundaries import boundary_counts, boundary_tolerance
from headstart.metrics.segmentation import PIXEL_BINS, pixel_counts
from headstart.tasks.segmentation.maps import SegmentationMaps

__all__ = ["Tally", "columns_for", "tally"]

_CHUNK = 1_000_000  # pixels looked at at once
_BITS = 15_361  # half-precision numbers from 0 to 1
_KEPT = 20_000_000  # numbers kept of earlier images

_Counts = tuple[np.ndarray, ...]
_known: OrderedDict[tuple[Any, ...], _Counts] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Tally:
    """Counts of N images; pixels that the truth ignores are in none of them.

    Attributes:
        confusion: (C, C) int64 pixels of all images; row is the truth, column the answer.
        counts: (N, C, 3) float64 hits, truths and calls, as `metrics.segmentation` takes them.
        bins: (N, K, 3) float64, as `pixel_calibration` takes them.
        look: Returns `boundaries`.
    """

    confusion: np.ndarray
    counts: np.ndarray
    bins: np.ndarray
    look: Callable[[], np.ndarray]

    @cached_property
    def boundaries(self) -> np.ndarray:
        """(N, C, 4) int64, as `boundary_f1` takes them: dear, and of floors nobody asks."""
        return self.look()


def columns_for(classes: tuple[str, ...], labels: Masks) -> np.ndarray:
    """Returns (256,) uint8: what each index of the masks is in a model's classes.

    Args:
        classes: C names of a model.
        labels: Of the data.

    Raises:
        DataError: If a mask has pixels of a class that is not among them.
    """
    place = {name: index for index, name in enumerate(classes)}
    present = np.flatnonzero(labels.pixels[labels.known].sum(axis=0))
    unknown = [labels.names[k] for k in present if labels.names[k] not in place]
    if unknown:
        raise DataError(
            f"the data have classes that the model does not know ({some_of(unknown)}); "
            f"it knows {some_of(classes, 10)}"
        )
    columns = np.full(256, IGNORED, np.uint8)
    columns[: len(labels.names)] = [place.get(name, IGNORED) for name in labels.names]
    return columns


def tally(predictions: SegmentationMaps, labels: Masks) -> Tally:
    """Counts what the masks and the answers have in common.

    Args:
        predictions: Of N items, all answered.
        labels: Of the same, all known.

    Raises:
        DataError: If the file of a mask is gone, or has a class that the model does not know.
    """
    columns = columns_for(predictions.classes, labels)
    classes = len(predictions.classes)

    def of(index: int) -> _Counts:
        return _once(predictions, labels, columns, index, pixels)

    def pixels(index: int) -> _Counts:
        size = int(predictions.sizes[index, 0]), int(predictions.sizes[index, 1])
        answer, confidences = predictions.answer(index)
        truth = columns[labels.read(index, size)]
        return _counted(truth.ravel(), answer.ravel(), confidences.ravel(), classes)

    def bounds(index: int) -> _Counts:
        return _once(predictions, labels, columns, index, boundaries)

    def boundaries(index: int) -> _Counts:
        width, height = (int(each) for each in predictions.sizes[index])
        near = boundary_tolerance(width, height)
        truth, answer = columns[labels.read(index, (width, height))], predictions.labels(index)
        return (boundary_counts(truth, answer, classes, ignored=IGNORED, tolerance=near),)

    items = range(len(predictions))
    found = list(ordered_map(of, items))
    confusion = sum((each[0] for each in found), np.zeros((classes,) * 2, np.int64))
    counts = np.stack([pixel_counts(each[0]) for each in found])
    bins = np.stack([each[1] for each in found])
    return Tally(
        confusion, counts, bins, lambda: np.stack([each for (each,) in ordered_map(bounds, items)])
    )


def _once(
    predictions: SegmentationMaps,
    labels: Masks,
    columns: np.ndarray,
    index: int,
    count: Callable[[int], _Counts],
) -> _Counts:
    """Returns what is counted of one image, which is looked at once while the process lasts."""
    key = (count.__name__, *_key(predictions, labels, columns, index))
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    found = count(index)
    with _lock:
        _known[key] = found
        while len(_known) > 1 and len(_known) * (len(predictions.classes) ** 2 + 64) > _KEPT:
            _known.popitem(last=False)
    return found


def _counted(
    truth: np.ndarray, answer: np.ndarray, confidences: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the (C, C) confusion and the (K, 3) bins of confidence of one image's pixels."""
    confusion = np.zeros(classes**2, np.int64)
    # Half-precision numbers from 0 to 1 are few, and in the order of their bits: sums are exact.
    values = np.arange(_BITS, dtype=np.uint16).view(np.float16).astype(np.float64)
    found = np.zeros((_BITS, 2), np.int64)
    for start in range(0, len(truth), _CHUNK):
        part = slice(start, start + _CHUNK)
        true, said, bits = truth[part], answer[part], confidences[part].view(np.uint16)
        known = true != IGNORED
        if not known.all():
            true, said, bits = true[known], said[known], bits[known]
        cells = true.astype(np.uint16) * np.uint16(classes) + said
        confusion += np.bincount(cells, minlength=classes**2)
        both = 2 * np.minimum(bits, _BITS - 1) + (true == said)
        found += np.bincount(both, minlength=2 * _BITS).reshape(-1, 2)
    place = np.clip(np.ceil(values * PIXEL_BINS).astype(np.int64) - 1, 0, PIXEL_BINS - 1)
    pixels = found.sum(axis=1)
    columns = (pixels, pixels * values, found[:, 1])
    bins = np.stack([np.bincount(place, each, minlength=PIXEL_BINS) for each in columns], axis=1)
    return confusion.reshape(classes, classes), bins


def _key(
    predictions: SegmentationMaps, labels: Masks, columns: np.ndarray, index: int
) -> tuple[Any, ...]:
    """What the counts of one image hang on."""
    given = hashlib.blake2b(digest_size=16)
    for array in (
        predictions.probabilities[index], predictions.matrices[index], predictions.sizes[index],
        columns[: len(labels.names)],
    ):  # fmt: skip
        given.update(np.ascontiguousarray(array).tobytes())
    shape = predictions.probabilities.shape[1:]
    source = _Source(labels.sources[index])
    return (given.digest(), shape, predictions.stride, source, *_stamps(source.given))


class _Source:
    """A mask's source as part of a key: by its value where it has one, else by itself."""

    def __init__(self, given: Any) -> None:
        self.given = given  # held, so that nothing else gets its number meanwhile
        try:
            self._key: Any = (hash(given), given)
        except TypeError:
            self._key = (id(given), None)

    def __hash__(self) -> int:
        return int(self._key[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self._key == other._key


def _stamps(given: Any) -> list[int]:
    """When the files of a mask were written: somebody may mend a mask and measure again."""
    if isinstance(given, Path):
        return [given.stat().st_mtime_ns] if given.exists() else []
    if dataclasses.is_dataclass(given):
        given = tuple(getattr(given, each.name) for each in dataclasses.fields(given))
    # Numbers of shapes are many, and no files.
    parts = given if isinstance(given, tuple) else ()
    return [
        stamp
        for part in parts
        if isinstance(part, tuple | Path) or dataclasses.is_dataclass(part)
        for stamp in _stamps(part)
    ]
