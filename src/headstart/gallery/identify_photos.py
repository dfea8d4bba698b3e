"""`identify_photos`: who of a gallery is on photos, and how often that is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import OptionError
from headstart.gallery.calibrate import knows_nobody
from headstart.gallery.embed import PhotoEmbeddings, embed_every_face, embed_photos
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.identification import Answer, decide
from headstart.gallery.photos import photos_of, photos_of_people
from headstart.gallery.search import Match
from headstart.metrics.subgroup_errors import person_rate, rank_k
from headstart.records import Estimate

__all__ = ["identify_photos", "measure_photos", "threshold_of"]

_RANKS = (1, 5)


def identify_photos(
    opened: Gallery,
    reader: GalleryReader,
    given: Sequence[str | Path],
    threshold: float,
    compute: Compute,
    *,
    top: int,
) -> tuple[Answer, ...]:
    """Answers for each photo; in a gallery of faces, for every face on it.

    Args:
        opened: The gallery.
        reader: Of the same.
        given: Photos and folders of them.
        threshold: Scores above it are accepted.
        compute: Where the network runs, and who is told.
        top: So many candidates are named.
    """
    dataset = photos_of(given)
    embed = embed_every_face if opened.preprocess.faces is not None else embed_photos
    found = embed(dataset, opened.backbone, preprocess=opened.preprocess, compute=compute)
    matches = reader.index.search(found.vectors, top=top)
    return _answers(dataset, found, matches, threshold, top)


def measure_photos(
    opened: Gallery,
    reader: GalleryReader,
    given: Sequence[str | Path],
    threshold: float,
    compute: Compute,
    *,
    top: int,
    label: str | None = None,
    image: str | None = None,
) -> tuple[tuple[Answer, ...], dict[str, Estimate], list[str]]:
    """Answers for photos whose people are known, by the largest face of each, and measures that.

    Args:
        opened: The gallery.
        reader: Of the same.
        given: One folder per person, or a table.
        threshold: Scores above it are accepted.
        compute: Where the network runs, the seed of the intervals, and who is told.
        top: So many candidates are named.
        label: The column that says who is on a photo.
        image: The column of files.

    Returns:
        The answers, name -> measure, and what to know of these.

    Raises:
        DataError: If the data do not say who is on the photos.
        OptionError: If it is not one folder or table.
    """
    if len(given) != 1:
        raise OptionError(
            "--labelled takes one folder that holds one folder per person, or a table"
        )
    what = "--labelled needs one folder per person"
    dataset = photos_of_people(given[0], label, image=image, otherwise=what)
    found = embed_photos(dataset, opened.backbone, preprocess=opened.preprocess, compute=compute)
    matches = reader.index.search(found.vectors, top=max(top, _RANKS[-1]))
    with opened.store() as store:
        enrolled = set(store.owner_of(found.fingerprints))
    fresh = np.array([each not in enrolled for each in found.fingerprints], bool)
    notes = []
    if not fresh.all():
        known = int((~fresh).sum())
        notes.append(
            f"{known:,} of the photos {'are' if known > 1 else 'is'} enrolled, and left out of "
            f"the measures."
        )
    measures = _measure(dataset, found, matches, fresh, threshold, reader, compute.seed)
    return _answers(dataset, found, matches, threshold, top), measures, notes


def threshold_of(
    reader: GalleryReader, gallery: str, given: float | None
) -> tuple[float, Estimate | None, list[str]]:
    """Returns the threshold, the rate of strangers it was calibrated to, and what to know of it.

    Args:
        reader: Of the gallery.
        gallery: Its folder, for people.
        given: By the user, or None.

    Raises:
        OptionError: If there is none.
    """
    if given is not None:
        return given, None, []
    if reader.calibration is None:
        raise OptionError(
            f"{gallery} has no threshold: "
            + ("nobody is enrolled" if not len(reader.index) else "one person is enrolled")
            + "; enroll at least two people, or give --threshold"
        )
    notes, calibrated = [], reader.calibration.identify
    if nobody := knows_nobody(reader.calibration, gallery):
        notes.append(nobody)
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
    return calibrated.threshold.value, calibrated.far, notes


def _answers(
    dataset: Dataset,
    found: PhotoEmbeddings,
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
            person, score = decide(ranked, threshold)
            box = None
            if found.boxes is not None:
                box = tuple(round(float(each), 1) for each in found.boxes[at])
            answers.append(Answer(found.names[at], person, score, tuple(ranked[:top]), None, box))
    return tuple(answers)


def _measure(
    dataset: Dataset,
    found: PhotoEmbeddings,
    matches: list[list[Match]],
    fresh: np.ndarray,
    threshold: float,
    reader: GalleryReader,
    seed: int,
) -> dict[str, Estimate]:
    """Compares with the truth: ranks of known people, both mistakes of the threshold."""
    targets = dataset.labels.strata[found.rows]
    truth = [dataset.labels.kinds[each] for each in targets]
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
    measures["known people correct"] = person_rate(right[known], targets[known], seed=seed)
    wrong = above & (ranks != 1)
    measures["known people incorrect"] = person_rate(wrong[known], targets[known], seed=seed)
    measures["false accept rate (FAR)"] = person_rate(above[stranger], targets[stranger], seed=seed)
    return {name: each for name, each in measures.items() if each.n}
