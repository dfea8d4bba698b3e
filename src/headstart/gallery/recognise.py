"""`recognise`: how well people are told apart, measured on labelled photos."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from headstart.compute import Compute
from headstart.errors import DataError
from headstart.gallery.embed import embed_photos
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.leave_one_out import Trials, leave_one_out
from headstart.gallery.photos import photos_of_people
from headstart.gallery.recognition import Recognition, measures_of
from headstart.metrics.verification import roc
from headstart.records import Estimate

__all__ = ["recognise"]

_FARS = (0.1, 0.01, 0.001)
_POINTS = 200  # of the ROC that are kept
_MOST = 2500  # photos that are compared, each with each
_KINDS = range(2, 9)  # values of a column that make subgroups


def recognise(
    opened: Gallery,
    reader: GalleryReader,
    data: str | Path,
    compute: Compute,
    *,
    threshold: float | None = None,
    label: str | None = None,
    image: str | None = None,
) -> Recognition:
    """Compares each pair of photos, and searches each among all others.

    Args:
        opened: The gallery, whose network is used; who is enrolled in it does not matter.
        reader: Of the same.
        data: One folder per person, or a table.
        compute: Where the network runs, the seed of the intervals, and who is told.
        threshold: Measured too; None for the gallery's own, if it has one.
        label: The column that says who is on a photo.
        image: The column of files.

    Raises:
        DataError: If the data do not say who is on them, or hold no pair of one person or none of
            two.
    """
    dataset = photos_of_people(
        data, label, image=image, otherwise="give one folder per person, or two photos"
    )
    found = embed_photos(dataset, opened.backbone, preprocess=opened.preprocess, compute=compute)
    compute.begin("measuring")
    owners = dataset.labels.strata[found.rows]
    first = _without_copies(found.fingerprints)
    counts = np.bincount(owners[first]) if len(first) else np.zeros(1, int)
    if (counts > 0).sum() < 2 or counts.max() < 2:
        raise DataError(
            f"{data}: at least two people, and one of them on two photos, are needed to measure "
            f"anything; {len(found.errors):,} photos could not be used"
        )
    trials = leave_one_out(
        found.vectors[first], owners[first], method=reader.settings["method"],
        k=reader.settings["k"], most=_MOST, seed=compute.seed,
    )  # fmt: skip
    if threshold is None and reader.calibration is not None:
        threshold = reader.calibration.verify.threshold.value
    notes = []
    with opened.store() as store:
        enrolled = len(store.owner_of([found.fingerprints[at] for at in first.tolist()]))
    if enrolled:
        notes.append(
            f"{enrolled:,} of these photos {'are' if enrolled > 1 else 'is'} enrolled in the "
            f"gallery, whose threshold was calibrated on them: measured on photos of others it "
            f"may do less well."
        )
    if len(first) < len(found.names):
        copies = len(found.names) - len(first)
        notes.append(
            f"{copies:,} copies of other photos are left out." if copies > 1
            else "A copy of another photo is left out."
        )  # fmt: skip
    if len(trials.photos) < len(first):
        notes.append(f"{trials.count} people drawn at random, {len(trials.photos):,} photos.")
    rows = found.rows[first][trials.photos]
    attributes = {column: cells[rows] for column, cells in dataset.attributes.items()}
    everything = np.ones(len(trials.photos), bool)
    return Recognition(
        data=os.fspath(data),
        people=int((counts > 0).sum()),
        photos=len(first),
        measures=measures_of(trials, everything, threshold, compute.seed, fars=_FARS),
        subgroups=_subgroups(trials, attributes, threshold, compute.seed),
        curve=_curve(trials),
        errors={**dict(dataset.set_aside), **found.errors},
        notes=tuple(notes),
    )


def _without_copies(fingerprints: tuple[bytes, ...]) -> np.ndarray:
    """Returns the first of each photo: copies would be the easiest genuine pairs of all."""
    earliest: dict[bytes, int] = {}
    for at, each in enumerate(fingerprints):
        earliest.setdefault(each, at)
    return np.array(list(earliest.values()), int)


def _subgroups(
    trials: Trials, attributes: dict[str, np.ndarray], threshold: float | None, seed: int
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Measures the photos of each value of each column that has a few."""
    found = {}
    for column, values in attributes.items():
        kinds = sorted(set(values.tolist()) - {""})
        if len(kinds) in _KINDS:
            parts = {
                each: measures_of(trials, values == each, threshold, seed, fars=(0.01,))
                for each in kinds
            }
            found[column] = {value: part for value, part in parts.items() if part}
    return found


def _curve(trials: Trials) -> dict[str, list[float]]:
    """Returns so many points of the ROC, the denser the lower the false-accept rate."""
    curve = roc(trials.scores[trials.same], trials.scores[~trials.same])
    chosen = np.unique(np.geomspace(1, len(curve.far), _POINTS).astype(int)) - 1
    return {
        "far": curve.far[chosen].tolist(),
        "tar": curve.tar[chosen].tolist(),
        "threshold": curve.thresholds[chosen].tolist(),
    }
