"""`verify_pair`: whether two photos show the same person, by a gallery's network and threshold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import ImageError, OptionError
from headstart.gallery.embed import PhotoEmbeddings, crowds_on, embed_photos
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.records import Estimate

__all__ = ["Verification", "verify_pair"]


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


def verify_pair(
    opened: Gallery,
    reader: GalleryReader,
    given: Sequence[str | Path],
    threshold: float | None,
    compute: Compute,
) -> Verification:
    """Compares two photos.

    Args:
        opened: The gallery.
        reader: Of the same.
        given: The two.
        threshold: Scores above it are accepted; None for the gallery's own.
        compute: Where the network runs, and who is told.

    Raises:
        ImageError: If one of the two cannot be used.
        OptionError: If one is a folder, or there is no threshold.
    """
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
    found = embed_photos(dataset, opened.backbone, preprocess=opened.preprocess, compute=compute)
    for name, reason in found.errors.items():
        raise ImageError(f"{name}: {reason}")
    score = float(found.vectors[0] @ found.vectors[1])
    about = _about(opened, dataset, found, compute)
    if threshold is not None or calibration is None:
        limit = float(threshold or 0.0)
        return Verification(names, score > limit, score, limit, None, None, tuple(about))
    notes = []
    if not calibration.verify.shown:
        notes.append(
            f"The threshold is an estimate: too few people are enrolled to show a false-accept "
            f"rate of {calibration.far:g}."
        )
    if reader.stale:
        notes.append("People were enrolled or removed after the last calibration.")
    limit = calibration.verify.threshold.value
    at = calibration.verify
    return Verification(names, score > limit, score, limit, at.far, at.tar, (*notes, *about))


def _about(
    opened: Gallery, dataset: Dataset, found: PhotoEmbeddings, compute: Compute
) -> list[str]:
    """Says what is to be known of the two photos, whatever the threshold."""
    with opened.store() as store:
        owners = store.owner_of(found.fingerprints)
    notes = [
        f"{name} is enrolled in the gallery, as {owners[each]}."
        for name, each in zip(found.names, found.fingerprints, strict=True)
        if each in owners
    ]
    crowds = crowds_on(dataset, opened.preprocess, compute)
    notes += [f"{each.text(name)}." for name, each in crowds.items()]
    if found.fingerprints[0] == found.fingerprints[1]:
        notes.append("The two are the same file, byte for byte.")
    return notes
