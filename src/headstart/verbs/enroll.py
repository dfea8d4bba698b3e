"""`enroll`: people into a gallery, and out of it, without training anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.open import open_dataset
from headstart.data.paths import expand_paths
from headstart.errors import DataError
from headstart.gallery.calibrate import Calibration, calibrate
from headstart.gallery.enrolling import Enrolling
from headstart.gallery.folder import MARKER, Gallery
from headstart.options.command import command
from headstart.options.enroll import EnrollOptions
from headstart.records import Estimate
from headstart.run import check_output

__all__ = ["Enrolment", "enroll"]


@dataclass(frozen=True)
class Enrolment:
    """What became of an enrolment, and what the gallery knows now.

    Attributes:
        gallery: Its folder.
        backbone: Name of its network.
        settings: Method, k and the false-accept rate that is aimed at.
        enrolled: Person -> photos that were added now.
        removed: Person -> photos that were removed now.
        known: Photos that were passed over because they are enrolled already.
        errors: Photo (or table beside them) -> why it was set aside.
        people: In the gallery now.
        photos: In the gallery now.
        calibration: Of the thresholds; None with fewer than two people.
    """

    gallery: str
    backbone: str
    settings: dict[str, Any]
    enrolled: dict[str, int]
    removed: dict[str, int]
    known: int
    errors: dict[str, str]
    people: int
    photos: int
    calibration: Calibration | None
    notes: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """Returns what happened, in sentences."""
        lines = []
        for what, which in (("Enrolled", self.enrolled), ("Removed", self.removed)):
            if which:
                many = ", ".join(list(which)[:5]) + (", …" if len(which) > 5 else "")
                lines.append(f"{what} {_count(sum(which.values()), 'photo')} of {many}.")
        if self.known:
            lines.append(f"Passed over {_count(self.known, 'photo')}: enrolled already.")
        who = "1 person" if self.people == 1 else f"{self.people:,} people"
        lines.append(
            f"{self.gallery} knows {who} by {_count(self.photos, 'photo')} (vectors of "
            f"{self.backbone}; {_how(self.settings)})."
        )
        return [*lines, *self.notes]

    def rows(self) -> list[tuple[str, Estimate]]:
        """Returns the thresholds and what they do, by name."""
        found = self.calibration
        if found is None:
            return []
        rows = [
            ("identify: threshold", found.identify.threshold),
            ("  false accept rate (FAR)", found.identify.far),
            ("  known people recognised", found.identify.tar),
            ("verify: threshold", found.verify.threshold),
            ("  different people taken for one", found.verify.far),
            ("  same person accepted", found.verify.tar),
        ]
        for group in found.subgroups:
            name = f"{group.column} {group.value}"
            rows += [
                (f"{name}: false accept rate (FAR)", group.identify.far),
                ("  known people recognised", group.identify.tar),
                ("  its own threshold of identify", group.identify.threshold),
            ]
            if group.verify is not None:
                rows.append(("  two of them taken for one", group.verify.far))
        return [(name, each) for name, each in rows if each.n]

    def __repr__(self) -> str:
        return f"Enrolment({self.gallery!r}: {self.people:,} people, {self.photos:,} photos)"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{each}</td></tr>" for name, each in self.rows()
        )
        return f"<table><caption>{escape(' '.join(self.lines()))}</caption>{rows}</table>"


@command(EnrollOptions)
def enroll(options: EnrollOptions, progress: Progress = silent) -> Enrolment:
    """Adds people to a gallery, or removes them, and calibrates its thresholds anew.

    Nothing is trained: a person is the vectors of a few photos. Photos that are enrolled
    already are known by their content and passed over; photos that cannot be used are set
    aside by name. Each person is committed at once and survives a crash from then on.

    Returns:
        An `Enrolment`.

    Raises:
        DataError: If no photo at all can be used.
        BackboneError: If the backbone cannot be had.
        ModelError: If the gallery is damaged, or the folder is none.
        OptionError: If an argument makes no sense, or nobody has the name to remove.
        OutputError: If the gallery cannot be written.
    """
    folder = Path(options.gallery)
    given = _given(options.photos)
    work = Enrolling(
        folder, options.wanted, device=options.device, workers=options.workers, progress=progress
    )
    if given and not work.made:
        check_output(folder, overwrite=False, holds=MARKER, what="gallery")
    if not given and not work.made:
        Gallery.open(folder)  # says what is missing
    work.open_or_prepare(options.backbone, options.detector if options.faces else None)
    removed = {}
    if options.remove is not None:
        with work.gallery.store(write=True) as store:
            removed[options.remove] = store.remove(options.remove)
    if given:
        dataset = (
            _one_person(given, options.name)
            if options.name is not None
            else _people(given, options.label)
        )
        work.enroll(dataset)
        if not work.enrolled and not work.known:
            reason = next(iter(work.errors.values()))
            raise DataError(
                f"no photo can be enrolled; the first of {len(work.errors):,}: "
                f"{next(iter(work.errors))}: {reason}"
            )
    return _finish(work, removed, seed=options.seed, progress=progress)


def _given(photos: str | Path | Iterable[str | Path] | None) -> list[str]:
    if photos is None:
        return []
    return [os.fspath(each) for each in ([photos] if isinstance(photos, str | Path) else photos)]


def _people(given: list[str], label: str | None) -> Dataset:
    """Opens the photos of several people."""
    dataset = open_dataset(given[0], label=label)
    if not dataset.labelled.any():
        raise DataError(
            f"{given[0]} does not say who is on its photos: put them in one folder per person, or "
            f"say --name NAME if all are of one"
        )
    return dataset.take(dataset.labelled)


def _one_person(given: list[str], name: str) -> Dataset:
    names = expand_paths(given)
    n = len(names)
    return replace(Dataset.unlabelled(names), labels=Classes((name,), np.zeros(n, np.int64)))


def _finish(
    work: Enrolling, removed: dict[str, int], *, seed: int, progress: Progress
) -> Enrolment:
    """Calibrates on all that is enrolled now, by whomever, and keeps that."""
    progress("calibrating", 0, 1)
    with work.gallery.store(write=True) as store:
        everything, attributes = store.everything()
        settings = everything.settings | work.wanted
        found = calibrate(
            everything.vectors, everything.owners, far=settings["far"],
            method=settings["method"], k=settings["k"], attributes=attributes, seed=seed,
        )  # fmt: skip
        saved = None if found is None else found.to_json()
        store.calibrate(saved, revision=everything.mark.revision, settings=settings)
    progress("calibrating", 1, 1)
    notes = found.summary if found else (
        "No threshold can be calibrated with fewer than two people: enroll another.",
    )  # fmt: skip
    return Enrolment(
        str(work.folder), work.gallery.origin[0], settings, dict(work.enrolled), removed,
        work.known, work.errors, len(everything.people), len(everything.owners), found, notes,
    )  # fmt: skip


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _how(settings: dict[str, Any]) -> str:
    if settings["method"] == "centroid":
        return "compared with the mean of each person's photos"
    k = settings["k"]
    return "compared with " + (
        "each person's most similar photo" if k == 1 else f"each person's {k} most similar photos"
    )
