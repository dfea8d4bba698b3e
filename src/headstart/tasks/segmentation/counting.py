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

from headstart.data.masks.files import looked_up
from headstart.data.masks.masks import IGNORED, Masks
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
        closer: Returns what a second look tells, which nobody asks of floors: bins and boundaries.
    """

    confusion: np.ndarray
    counts: np.ndarray
    closer: Callable[[], tuple[np.ndarray, np.ndarray]]

    @cached_property
    def _seen(self) -> tuple[np.ndarray, np.ndarray]:
        return self.closer()

    @property
    def bins(self) -> np.ndarray:
        """(N, K, 3) float64, as `pixel_calibration` takes them."""
        return self._seen[0]

    @property
    def boundaries(self) -> np.ndarray:
        """(N, C, 4) int64, as `boundary_f1` takes them."""
        return self._seen[1]


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

    items = range(len(predictions))

    def once(count: Callable[[int], _Counts]) -> list[_Counts]:
        return list(
            ordered_map(lambda index: _once(predictions, labels, columns, index, count), items)
        )

    def truth_of(index: int) -> np.ndarray:
        size = int(predictions.sizes[index, 0]), int(predictions.sizes[index, 1])
        return looked_up(labels.read(index, size), columns)

    def pixels(index: int) -> _Counts:
        return (_confusion(truth_of(index).ravel(), predictions.labels(index).ravel(), classes),)

    def closely(index: int) -> _Counts:
        truth, (answer, confidences) = truth_of(index), predictions.answer(index)
        near = boundary_tolerance(truth.shape[1], truth.shape[0])
        return (
            _bins(truth.ravel(), answer.ravel(), confidences.ravel()),
            boundary_counts(truth, answer, classes, ignored=IGNORED, tolerance=near),
        )

    def closer() -> tuple[np.ndarray, np.ndarray]:
        found = once(closely)
        return np.stack([each[0] for each in found]), np.stack([each[1] for each in found])

    confusions = np.stack([each for (each,) in once(pixels)])
    return Tally(confusions.sum(axis=0), pixel_counts(confusions), closer)


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


def _confusion(truth: np.ndarray, answer: np.ndarray, classes: int) -> np.ndarray:
    """Returns the (C, C) int64 confusion of one image's pixels."""
    found = np.zeros(classes * 256, np.int64)
    for start in range(0, len(truth), _CHUNK):
        part = slice(start, start + _CHUNK)
        # What the truth ignores lies in rows of its own, which are cut off.
        cells = truth[part].astype(np.uint16) * np.uint16(256) + answer[part]
        found += np.bincount(cells, minlength=1 << 16)[: classes * 256]
    return found.reshape(classes, 256)[:, :classes]


def _bins(truth: np.ndarray, answer: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    """Returns the (K, 3) bins of confidence of one image's pixels."""
    # Half-precision numbers from 0 to 1 are few, and in the order of their bits: sums are exact.
    values = np.arange(_BITS, dtype=np.uint16).view(np.float16).astype(np.float64)
    found = np.zeros((_BITS, 2), np.int64)
    for start in range(0, len(truth), _CHUNK):
        part = slice(start, start + _CHUNK)
        true, said, bits = truth[part], answer[part], confidences[part].view(np.uint16)
        known = true != IGNORED
        if not known.all():
            true, said, bits = true[known], said[known], bits[known]
        both = 2 * np.minimum(bits, _BITS - 1) + (true == said)
        found += np.bincount(both, minlength=2 * _BITS).reshape(-1, 2)
    place = np.clip(np.ceil(values * PIXEL_BINS).astype(np.int64) - 1, 0, PIXEL_BINS - 1)
    pixels = found.sum(axis=1)
    columns = (pixels, pixels * values, found[:, 1])
    return np.stack([np.bincount(place, each, minlength=PIXEL_BINS) for each in columns], axis=1)


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
