"""`verify`: whether two photos show the same person; or how well that can be told at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, silent
from headstart.errors import DataError, ImageError, OptionError
from headstart.gallery.embed import embed_photos
from headstart.gallery.folder import Gallery, Reader
from headstart.gallery.trials import Trials, play
from headstart.metrics.verification import (
    measure,
    pair_rate,
    person_rate,
    person_weights,
    rank_k,
    roc,
)
from headstart.nets.backbone import Device
from headstart.records import Estimate

__all__ = ["Recognition", "Verification", "verify"]

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


@dataclass(frozen=True)
class Recognition:
    """How well people are told apart on labelled photos.

    Attributes:
        data: The photos.
        people: P.
        photos: N that could be used.
        measures: Name -> estimate: AUC, EER, TAR at false-accept rates, ranks, and the gallery's
            threshold at work.
        subgroups: Column -> value -> the same measures within it.
        curve: Points of the ROC: ``far``, ``tar``, ``threshold``.
        errors: Photo -> reason.
        notes: What a reader must know besides.
    """

    data: str
    people: int
    photos: int
    measures: dict[str, Estimate]
    subgroups: dict[str, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    curve: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Returns what was measured, in sentences."""
        return [
            f"Measured on {self.data}: {self.photos:,} photos of {self.people:,} people, each pair "
            f"compared, and each photo searched among all others.",
            *self.notes,
        ]

    def rows(self) -> list[tuple[str, Estimate]]:
        """Returns the measures, by name."""
        rows = [(_words(name), each) for name, each in self.measures.items()]
        for column, values in self.subgroups.items():
            for value, measures in values.items():
                lead = f"{column} {value}: "
                for name, each in measures.items():
                    rows.append((lead + _words(name), each))
                    lead = "  "
        return [(name, each) for name, each in rows if each.n]

    def __repr__(self) -> str:
        return f"Recognition({self.people:,} people, EER {self.measures['eer']})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{each}</td></tr>" for name, each in self.rows()
        )
        return f"<table><caption>{escape(' '.join(self.lines()))}</caption>{rows}</table>"


def verify(
    gallery: str | Path,
    photos: str | Path | Iterable[str | Path],
    *,
    threshold: float | None = None,
    out: str | Path | None = None,
    label: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Verification | Recognition:
    """Says whether two photos show the same person, or measures that on labelled photos.

    The people on the photos need not be enrolled: the gallery gives network and threshold.

    Args:
        gallery: The folder that `enroll` made.
        photos: Two photos; or one folder per person, or a table, to measure on.
        threshold: Accept scores above this, instead of the calibrated threshold.
        out: Of labelled photos: an HTML file for the ROC and the measures.
        label: Column of a table that holds the person.
        seed: Of the intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        progress: Called as photos are done.

    Returns:
        A `Verification` of two photos, a `Recognition` of a folder.

    Raises:
        DataError: If a photo cannot be used, or the folder does not say who is on its photos.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given.
        OutputError: If `out` cannot be written.
    """
    given = [photos] if isinstance(photos, str | Path) else list(photos)
    opened = Gallery.open(gallery)
    reader = Reader(opened)
    try:
        how: dict[str, Any] = {"device": device, "workers": workers, "progress": progress}
        if len(given) == 1:
            found = _recognition(opened, reader, given[0], threshold, label, seed, how)
            if out is not None:
                _write(found, Path(out))
            return found
        if len(given) == 2 and label is None and out is None:
            return _pair(opened, reader, given, threshold, how)
        raise OptionError(
            "verify takes two photos, or one folder that holds one folder per person"
            " (-o and --label are for that)"
        )
    finally:
        reader.close()


def _write(found: Recognition, file: Path) -> None:
    from headstart.ship.recognition import write_page

    measures = found.measures
    at = None
    if "far_at_threshold" in measures:
        at = measures["far_at_threshold"], measures["tar_at_threshold"]
    write_page(file, lines=found.lines(), rows=found.rows(), curve=found.curve, at=at)


def _pair(
    opened: Gallery,
    reader: Reader,
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
    blank = np.full(2, -1), np.full(2, "")
    dataset = Dataset(Path(), names, (), *blank, source="unlabelled")
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
    reader: Reader,
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
    owners = dataset.targets[found.rows]
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
    trials = play(found.vectors[first], owners[first], method=method, k=k, most=_MOST, seed=seed)
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
        parts = {v: _measures(trials, values == v, limit, seed, fars=(0.01,)) for v in kinds}
        subgroups[column] = {value: part for value, part in parts.items() if part}
    genuine = trials.same
    curve = roc(trials.scores[genuine], trials.scores[~genuine])
    chosen = np.unique(np.geomspace(1, len(curve.far), _POINTS).astype(int)) - 1
    return Recognition(
        data=os.fspath(data),
        people=int((counts > 0).sum()),
        photos=len(first),
        measures=_measures(trials, everything, limit, seed, fars=_FARS),
        subgroups=subgroups,
        curve={
            "far": curve.far[chosen].tolist(),
            "tar": curve.tar[chosen].tolist(),
            "threshold": curve.thresholds[chosen].tolist(),
        },
        errors={**dict(dataset.set_aside), **found.errors},
        notes=tuple(notes),
    )


def _measures(
    trials: Trials,
    chosen: np.ndarray,
    threshold: float | None,
    seed: int,
    *,
    fars: tuple[float, ...],
) -> dict[str, Estimate]:
    """Measures the pairs inside some photos, and the searches for those photos among all."""
    inside = chosen[trials.pairs].all(axis=1)
    genuine, impostor = inside & trials.same, inside & ~trials.same
    if not genuine.any() or not impostor.any():
        return {}
    of_genuine = trials.people[trials.pairs[genuine, 0]]
    of_impostor = trials.people[trials.pairs[impostor]]
    measures = measure(
        trials.scores[genuine], trials.scores[impostor], of_genuine, of_impostor, fars=fars,
        seed=seed,
    )  # fmt: skip
    ranked = chosen & (trials.ranks > 0)
    for k in (k for k in (1, 5) if k < trials.count):
        measures[f"rank_{k}"] = rank_k(trials.ranks[ranked], k, trials.people[ranked], seed=seed)
    if threshold is not None:
        accepted = trials.scores[impostor] > threshold
        measures["far_at_threshold"] = pair_rate(
            of_impostor[accepted],
            np.bincount(trials.people[chosen], minlength=trials.count),
            person_weights(trials.count, seed=seed),
        )
        measures["tar_at_threshold"] = person_rate(
            trials.scores[genuine] > threshold, of_genuine, seed=seed
        )
    return measures


def _words(name: str) -> str:
    """A measure's name for people."""
    if name.startswith("tar_at_far_"):
        return f"TAR at FAR {name.rpartition('_')[2]}"
    return {
        "auc": "AUC",
        "eer": "equal error rate",
        "rank_1": "rank-1",
        "rank_5": "rank-5",
        "far_at_threshold": "different people accepted at the gallery's threshold",
        "tar_at_threshold": "same person accepted at it",
    }[name]
