"""`identify`: who of a gallery is on a photo or in a video, or nobody that it knows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.data.paths import expand_paths
from headstart.errors import DataError, OptionError
from headstart.gallery.embed import PhotoEmbeddings, embed_every_face, embed_photos, square_embedder
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.identification import Answer, Identification, decide
from headstart.gallery.search import Match
from headstart.images.video import is_video
from headstart.metrics.subgroup_errors import person_rate, rank_k
from headstart.options.command import command
from headstart.options.identify import IdentifyOptions
from headstart.records import Estimate
from headstart.video.film import process_video
from headstart.video.identify_video import SUREST, GalleryFaces, GalleryFrames, Search

__all__ = ["identify"]

_RANKS = (1, 5)


@command(IdentifyOptions)
def identify(options: IdentifyOptions, progress: Progress = silent) -> Identification:
    """Says who of a gallery is on each photo or in a video, or that it is nobody enrolled.

    Returns:
        An `Identification`; a photo that cannot be used is an answer with its reason. In a gallery
        of faces every face on a photo is answered for; with `labelled`, the largest. In a video
        every face is followed and answered for once; a gallery of whole photos answers for every
        frame looked at. A video that breaks off, or a camera that goes, leaves a last answer with
        the reason.

    Raises:
        DataError: If no photo is named at all, a video cannot be opened, or the truth is asked for
            and not there.
        ModelError: If there is no gallery, or it is damaged.
        OptionError: If no threshold could be calibrated and none is given, or an argument makes no
            sense.
        OutputError: If `out` is there already or cannot be written.
    """
    given = [options.photos] if isinstance(options.photos, str | Path) else list(options.photos)
    moving = any(is_video(each) for each in given)
    if moving and len(given) > 1:
        raise OptionError("one video or camera at a time, and no photos beside it")
    if moving and options.labelled:
        raise OptionError("--labelled is for photos, in one folder per person")
    if options.out is not None and not moving:
        raise OptionError("-o is for videos and cameras; of photos use --json")
    opened = Gallery.open(options.gallery)
    reader = GalleryReader(opened)
    try:
        threshold, far, notes = _threshold(reader, str(options.gallery), options.threshold)
        if moving:
            pairs = reader.calibration.verify if reader.calibration else None
            search = Search(
                os.fspath(given[0]),
                reader.index,
                opened.preprocess,
                square_embedder(opened.backbone, opened.preprocess, device=options.device),
                threshold,
                pairs.threshold.value if pairs else None,
                options.top,
            )
            place = Path(options.out) if options.out is not None else None
            answers, more = _in_video(search, options.fps, place, progress)
            return Identification(
                str(options.gallery), threshold, far, answers, {}, (*notes, *more)
            )
        dataset = _labelled(given, options.label) if options.labelled else _unlabelled(given)
        every = opened.preprocess.faces is not None and not options.labelled
        found = (embed_every_face if every else embed_photos)(
            dataset, opened.backbone, preprocess=opened.preprocess, device=options.device,
            workers=options.workers, progress=progress,
        )  # fmt: skip
        matches = reader.index.search(
            found.vectors, top=max(options.top, _RANKS[-1] if options.labelled else 1)
        )
        answers = _answers(dataset, found, matches, threshold, options.top)
        measures: dict[str, Estimate] = {}
        if options.labelled:
            with opened.store() as store:
                enrolled = set(store.owner_of(found.fingerprints))
            fresh = np.array([each not in enrolled for each in found.fingerprints], bool)
            if not fresh.all():
                notes.append(
                    f"{int((~fresh).sum()):,} of the photos are enrolled themselves, and are left "
                    f"out of the measures."
                )
            measures = _measure(dataset, found, matches, fresh, threshold, reader, options.seed)
        return Identification(str(options.gallery), threshold, far, answers, measures, tuple(notes))
    finally:
        reader.close()


def _threshold(
    reader: GalleryReader, gallery: str, given: float | None
) -> tuple[float, Estimate | None, list[str]]:
    """Returns the threshold, the rate of strangers it was calibrated to, and what to know of it."""
    if given is not None:
        return given, None, []
    if reader.calibration is None:
        raise OptionError(
            f"{gallery} has no threshold: "
            + ("nobody is enrolled" if not len(reader.index) else "one person is enrolled")
            + "; enroll at least two people, or give --threshold"
        )
    notes, calibrated = [], reader.calibration.identify
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


def _in_video(
    search: Search, fps: float, out: Path | None, progress: Progress
) -> tuple[tuple[Answer, ...], list[str]]:
    """Returns the answers to a video or camera, and what to know of them."""
    faces = search.preprocess.faces is not None
    handler = GalleryFaces(search) if faces else GalleryFrames(search)
    problem = process_video(search.source, handler, fps=fps, out=out, progress=progress)
    answers = handler.answers(problem)
    if not faces:
        return answers, []
    if not any(each.error is None for each in answers):
        return answers, ["No face was found on the frames looked at."]
    return answers, [
        f"The score of a face is that of its {SUREST} surest looks, averaged into one vector and "
        f"compared as one photo is. Every face is one more chance of a false accept."
    ]


def _unlabelled(given: list[str | Path]) -> Dataset:
    return Dataset.unlabelled(expand_paths([os.fspath(each) for each in given]))


def _labelled(given: list[str | Path], label: str | None) -> Dataset:
    if len(given) != 1:
        raise OptionError(
            "--labelled takes one folder that holds one folder per person, or a table"
        )
    dataset = open_dataset(given[0], label=label)
    if not dataset.labelled.any():
        raise DataError(
            f"{given[0]} does not say who is on its photos: --labelled needs one folder per person"
        )
    return dataset.take(dataset.labelled)


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
