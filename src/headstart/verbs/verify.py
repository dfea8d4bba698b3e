"""`verify`: whether two photos show the same person; or how well that can be told at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import DataError, ImageError, OptionError
from headstart.gallery.embed import embed_photos
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.leave_one_out import leave_one_out
from headstart.gallery.recognition import Recognition, measures_of
from headstart.metrics.verification import roc
from headstart.options.command import command
from headstart.options.verify import VerifyOptions
from headstart.records import Estimate

__all__ = ["verify"]

_FARS = (0.1, 0.01, 0.001)
_POINTS = 200
_MOST = 2500


@dataclass(frozen=True)
class Verification:
    """Whether two photos show the same person.

    Attributes:
        photos: Their names.
        same: Whether the score is above the threshold.
        score: Cosine of the two vectors.
        threshold: Scores above it are accepted.
        far: Share of different people that are accepted at it, where it is the calibrated one.
        tar: Share of the same that are.
        notes: What a reader must know besides.
    """

    photos: tuple[str, str]
    same: bool
    score: float
    threshold: float
    far: Estimate | None
    tar: Estimate | None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Returns the answer in sentences."""
        what = "The same person" if self.same else "Not the same person"
        side = "above" if self.same else "not above"
        return [
            f"{what}: the score {self.score:.3f} is {side} the threshold {self.threshold:.3f}.",
            *self.notes,
        ]

    def rows(self) -> list[tuple[str, Estimate]]:
        """Returns what is known about the threshold, by name."""
        rows = [("different people accepted", self.far), ("same person accepted", self.tar)]
        return [(name, each) for name, each in rows if each is not None and each.n]

    def __repr__(self) -> str:
        return f"Verification({self.lines()[0]!r})"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(' '.join(self.lines()))}</p>"


@command(VerifyOptions)
def verify(options: VerifyOptions, progress: Progress = silent) -> Verification | Recognition:
    """Says whether two photos show the same person, or measures that on labelled photos.

    The people on the photos need not be enrolled: the gallery gives network and threshold.

    Returns:
        A `Verification` of two photos, a `Recognition` of a folder.

    Raises:
        DataError: If a photo cannot be used, or the folder does not say who is on its photos.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given.
        OutputError: If `out` cannot be written.
    """
    given = [options.photos] if isinstance(options.photos, str | Path) else list(options.photos)
    opened = Gallery.open(options.gallery)
    reader = GalleryReader(opened)
    try:
        how: dict[str, Any] = {
            "device": options.device,
            "workers": options.workers,
            "progress": progress,
        }
        if len(given) == 1:
            found = _recognition(
                opened, reader, given[0], options.threshold, options.label, options.seed, how
            )
            if options.out is not None:
                _write(found, Path(options.out))
            return found
        if len(given) == 2 and options.label is None and options.out is None:
            return _pair(opened, reader, given, options.threshold, how)
        raise OptionError(
            "verify takes two photos, or one folder that holds one folder per person"
            " (-o and --label are for that)"
        )
    finally:
        reader.close()


def _write(found: Recognition, file: Path) -> None:
    from headstart.reporting.recognition import write_page

    measures = found.measures
    at = None
    if "far_at_threshold" in measures:
        at = measures["far_at_threshold"], measures["tar_at_threshold"]
    write_page(file, lines=found.lines(), rows=found.rows(), curve=found.curve, at=at)


def _pair(
    opened: Gallery,
    reader: GalleryReader,
    given: list[str | Path],
    threshold: float | None,
    how: dict[str, Any],
) -> Verification:
    names = os.fspath(given[0]), os.fspath(given[1])
    for each in names:
        if os.path.isdir(each):
            raise OptionError(f"{each} is a folder: give two photos, or one folder alone")
    calibration = reader.calibration
    if threshold is None and calibration is None:
        raise OptionError(
            f"{opened.folder} has no threshold: enroll at least two people, or give --threshold"
        )
    dataset = Dataset.unlabelled(names)
    found = embed_photos(dataset, opened.backbone, preprocess=opened.preprocess, **how)
    for name, reason in found.errors.items():
        raise ImageError(f"{name}: {reason}")
    score = float(found.vectors[0] @ found.vectors[1])
    if threshold is not None or calibration is None:
        limit = float(threshold or 0.0)
        return Verification(names, score > limit, score, limit, None, None)
    notes = []
    if not calibration.verify.shown:
        notes.append(
            f"The threshold is an estimate: too few people are enrolled to show a false-accept "
            f"rate of {calibration.far:g}."
        )
    if reader.stale:
        notes.append("People were enrolled or removed after the last calibration.")
    if found.fingerprints[0] == found.fingerprints[1]:
        notes.append("The two are the same file, byte for byte.")
    limit = calibration.verify.threshold.value
    at = calibration.verify
    return Verification(names, score > limit, score, limit, at.far, at.tar, tuple(notes))


def _recognition(
    opened: Gallery,
    reader: GalleryReader,
    data: str | Path,
    threshold: float | None,
    label: str | None,
    seed: int,
    how: dict[str, Any],
) -> Recognition:
    dataset = open_dataset(data, label=label)
    if not dataset.labelled.any():
        raise DataError(
            f"{data} does not say who is on its photos: give one folder per person, or two photos"
        )
    dataset = dataset.take(dataset.labelled)
    found = embed_photos(dataset, opened.backbone, preprocess=opened.preprocess, **how)
    owners = dataset.labels.strata[found.rows]
    # Copies of one photo would be the easiest genuine pairs of all.
    earliest: dict[bytes, int] = {}
    for at, each in enumerate(found.fingerprints):
        earliest.setdefault(each, at)
    first = np.array(list(earliest.values()), int)
    counts = np.bincount(owners[first]) if len(first) else np.zeros(1, int)
    if (counts > 0).sum() < 2 or counts.max() < 2:
        raise DataError(
            f"{data}: at least two people, and one of them on two photos, are needed to measure "
            f"anything; {len(found.errors):,} photos could not be used"
        )
    method, k = reader.settings["method"], reader.settings["k"]
    trials = leave_one_out(
        found.vectors[first], owners[first], method=method, k=k, most=_MOST, seed=seed
    )
    limit = threshold
    if limit is None and reader.calibration is not None:
        limit = reader.calibration.verify.threshold.value
    notes = []
    if len(first) < len(found.names):
        notes.append(f"{len(found.names) - len(first)} copies of other photos are left out.")
    if len(trials.photos) < len(first):
        notes.append(f"{trials.count} people drawn at random, {len(trials.photos):,} photos.")
    everything = np.ones(len(trials.photos), bool)
    subgroups: dict[str, dict[str, dict[str, Estimate]]] = {}
    rows = found.rows[first][trials.photos]
    for column, cells in dataset.attributes.items():
        values = cells[rows]
        kinds = sorted(set(values.tolist()) - {""})
        if not 2 <= len(kinds) <= 8:
            continue
        parts = {v: measures_of(trials, values == v, limit, seed, fars=(0.01,)) for v in kinds}
        subgroups[column] = {value: part for value, part in parts.items() if part}
    genuine = trials.same
    curve = roc(trials.scores[genuine], trials.scores[~genuine])
    chosen = np.unique(np.geomspace(1, len(curve.far), _POINTS).astype(int)) - 1
    return Recognition(
        data=os.fspath(data),
        people=int((counts > 0).sum()),
        photos=len(first),
        measures=measures_of(trials, everything, limit, seed, fars=_FARS),
        subgroups=subgroups,
        curve={
            "far": curve.far[chosen].tolist(),
            "tar": curve.tar[chosen].tolist(),
            "threshold": curve.thresholds[chosen].tolist(),
        },
        errors={**dict(dataset.set_aside), **found.errors},
        notes=tuple(notes),
    )
