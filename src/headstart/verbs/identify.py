"""`identify`: who of a gallery is on a photo, or nobody that it knows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.named import image_names
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, silent
from headstart.errors import DataError, OptionError
from headstart.gallery.embed import Embedded, embed_every_face, embed_photos
from headstart.gallery.folder import Gallery, Reader
from headstart.gallery.search import Match
from headstart.metrics.people import person_rate, rank_k
from headstart.nets.backbone import Device
from headstart.records import Estimate

__all__ = ["Answer", "Identification", "identify"]

_RANKS = (1, 5)


@dataclass(frozen=True)
class Answer:
    """What is said about one photo.

    Attributes:
        photo: Its name.
        person: Who it is; None where nobody scores above the threshold, or in case of an error.
        score: Of the best person, a cosine; None in case of an error.
        candidates: The best people with their scores, whatever the threshold.
        error: Why the photo could not be used.
        box: Left, top, width and height of the face in pixels, in galleries of faces.
    """

    photo: str
    person: str | None
    score: float | None
    candidates: tuple[Match, ...] = ()
    error: str | None = None
    box: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Identification:
    """The answers to some photos.

    Attributes:
        gallery: Its folder.
        threshold: Scores above it are accepted.
        far: Share of strangers that were accepted when it was calibrated; None where it was given.
        answers: One a photo.
        measures: With `truth`: how often the answers are right.
        notes: What a reader must know besides.
    """

    gallery: str
    threshold: float
    far: Estimate | None
    answers: tuple[Answer, ...]
    measures: dict[str, Estimate] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        named = sum(each.person is not None for each in self.answers)
        return f"Identification({len(self.answers):,} photos, {named:,} of people known)"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(each.photo)}</td><td>{escape(each.error or each.person or 'unknown')}"
            f"</td><td>{'' if each.score is None else f'{each.score:.3f}'}</td></tr>"
            for each in self.answers[:50]
        )
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"


def identify(
    gallery: str | Path,
    photos: str | Path | Iterable[str | Path],
    *,
    top: int = 2,
    threshold: float | None = None,
    truth: bool = False,
    label: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Identification:
    """Says who of a gallery is on each photo, or that it is nobody enrolled.

    Args:
        gallery: The folder that `enroll` made.
        photos: Photos, folders (searched through) or globs; with `truth` one folder per person.
        top: How many of the most similar people are listed for each photo.
        threshold: Accept scores above this, instead of the calibrated threshold.
        truth: Also measure the answers: the photos lie in one folder per person, named as they
            are enrolled; people who are not enrolled are strangers.
        label: With `truth`: column of a table that holds the person.
        seed: Of the intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        progress: Called as photos are done.

    Returns:
        An `Identification`; a photo that cannot be used is an answer with its reason. In a gallery
        of faces every face on a photo is answered for; with `truth`, the largest.

    Raises:
        DataError: If no photo is named at all, or the truth is asked for and not there.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given.
    """
    given = [photos] if isinstance(photos, str | Path) else list(photos)
    if top < 1:
        raise OptionError(f"--top {top}: at least one person must be listed")
    if label is not None and not truth:
        raise OptionError("--label says who is on the photos: it needs --truth")
    opened = Gallery.open(gallery)
    reader = Reader(opened)
    try:
        notes, far = [], None
        if threshold is None:
            if reader.calibration is None:
                raise OptionError(
                    f"{gallery} has no threshold: "
                    + ("nobody is enrolled" if not len(reader.index) else "one person is enrolled")
                    + "; enroll at least two people, or give --threshold"
                )
            calibrated = reader.calibration.identify
            threshold, far = calibrated.threshold.value, calibrated.far
            if not calibrated.shown:
                notes.append(
                    f"The threshold is an estimate: too few people are enrolled to show a "
                    f"false-accept rate of {reader.calibration.far:g}."
                )
            if reader.stale:
                notes.append(
                    "People were enrolled or removed after the last calibration: "
                    f"'headstart enroll {gallery} --far {reader.settings['far']:g}' calibrates anew"
                )
        dataset = _labelled(given, label) if truth else _unlabelled(given)
        every = opened.preprocess.faces is not None and not truth
        found = (embed_every_face if every else embed_photos)(
            dataset, opened.backbone, preprocess=opened.preprocess, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip
        matches = reader.index.search(found.vectors, top=max(top, _RANKS[-1] if truth else 1))
        answers = _answers(dataset, found, matches, threshold, top)
        measures: dict[str, Estimate] = {}
        if truth:
            with opened.store() as store:
                enrolled = set(store.owner_of(found.fingerprints))
            fresh = np.array([each not in enrolled for each in found.fingerprints], bool)
            if not fresh.all():
                notes.append(
                    f"{int((~fresh).sum()):,} of the photos are enrolled themselves, and are left "
                    f"out of the measures."
                )
            measures = _measure(dataset, found, matches, fresh, threshold, reader, seed)
        return Identification(str(gallery), threshold, far, answers, measures, tuple(notes))
    finally:
        reader.close()


def _unlabelled(given: list[str | Path]) -> Dataset:
    names = image_names([os.fspath(each) for each in given])
    n = len(names)
    return Dataset(Path(), tuple(names), (), np.full(n, -1), np.full(n, ""), source="unlabelled")


def _labelled(given: list[str | Path], label: str | None) -> Dataset:
    if len(given) != 1:
        raise OptionError("--truth takes one folder that holds one folder per person, or a table")
    dataset = open_dataset(given[0], label=label)
    if not dataset.labelled.any():
        raise DataError(
            f"{given[0]} does not say who is on its photos: --truth needs one folder per person"
        )
    return dataset.take(dataset.labelled)


def _answers(
    dataset: Dataset,
    found: Embedded,
    matches: list[list[Match]],
    threshold: float,
    top: int,
) -> tuple[Answer, ...]:
    """Puts the answers into the order of the photos, errors among them."""
    answers = []
    places: dict[int, list[int]] = {}
    for at, row in enumerate(found.rows.tolist()):
        places.setdefault(row, []).append(at)
    for index, name in enumerate(dataset.names):
        if index not in places:
            answers.append(Answer(name, None, None, (), found.errors.get(name, "unreadable")))
        for at in places.get(index, []):
            ranked = matches[at]
            best = ranked[0] if ranked else (None, -1.0)
            person = best[0] if best[1] > threshold else None
            box = None
            if found.boxes is not None:
                box = tuple(round(float(each), 1) for each in found.boxes[at])
            answers.append(Answer(found.names[at], person, best[1], tuple(ranked[:top]), None, box))
    return tuple(answers)


def _measure(
    dataset: Dataset,
    found: Embedded,
    matches: list[list[Match]],
    fresh: np.ndarray,
    threshold: float,
    reader: Reader,
    seed: int,
) -> dict[str, Estimate]:
    """Compares with the truth: ranks of known people, both mistakes of the threshold."""
    targets = dataset.targets[found.rows]
    truth = [dataset.classes[each] for each in targets]
    people = set(reader.index.people)
    known = np.array([name in people for name in truth], bool) & fresh
    stranger = np.array([name not in people for name in truth], bool) & fresh
    ranks = np.array(
        [
            next((at for at, (who, _) in enumerate(ranked, 1) if who == name), len(people) + 1)
            for name, ranked in zip(truth, matches, strict=True)
        ],
        int,
    )
    above = np.array([bool(r) and r[0][1] > threshold for r in matches], bool)
    measures = {
        f"rank-{k}": rank_k(ranks[known], k, targets[known], seed=seed)
        for k in _RANKS
        if k < len(people)
    }
    right = above & (ranks == 1)
    measures["known people named rightly"] = person_rate(right[known], targets[known], seed=seed)
    wrong = above & (ranks != 1)
    measures["known people named wrongly"] = person_rate(wrong[known], targets[known], seed=seed)
    measures["strangers taken for somebody"] = person_rate(
        above[stranger], targets[stranger], seed=seed
    )
    return {name: each for name, each in measures.items() if each.n}
