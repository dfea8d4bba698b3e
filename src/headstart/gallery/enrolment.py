"""`Enrolment`: what became of an enrolment, and what the gallery knows after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headstart.compute import Compute
from headstart.gallery.calibrate import Calibration, calibrate, knows_nobody, useless
from headstart.gallery.embed import Crowd
from headstart.gallery.enrolling import Enrolling, unaligned
from headstart.gallery.names import case_twins
from headstart.lists import some_of
from headstart.records import Estimate

__all__ = ["Enrolment", "finish"]

# Photos with several faces that are named in sentences.
_SHOWN = 5


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
        notes: What to know besides, the most important first.
        moved: Person -> photos that were another's until now.
        crowds: Photo that was enrolled now -> the faces on it, where there are several.
        serious: Whether it is shown that the gallery knows hardly anybody again.
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
    moved: dict[str, int] = field(default_factory=dict)
    crowds: dict[str, Crowd] = field(default_factory=dict)
    serious: bool = False

    def lines(self) -> list[str]:
        """Returns what happened, in sentences."""
        lines = []
        done = (
            ("Enrolled", self.enrolled, "of"), ("Removed", self.removed, "of"),
            ("Moved", self.moved, "to"),
        )  # fmt: skip
        for what, which, of in done:
            if which:
                many = _count(sum(which.values()), "photo")
                lines.append(f"{what} {many} {of} {some_of(which)}.")
        if self.known:
            lines.append(f"Passed over {_count(self.known, 'photo')}: enrolled already.")
        who = "1 person" if self.people == 1 else f"{self.people:,} people"
        lines.append(
            f"{self.gallery} knows {who} by {_count(self.photos, 'photo')} (vectors of "
            f"{self.backbone}; {_how(self.settings)})."
        )
        # What makes all else useless is said before it.
        first = list(self.notes[: int(self.serious)])
        return [*first, *lines, *self.notes[int(self.serious) :]]

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


def finish(work: Enrolling, removed: dict[str, int], compute: Compute) -> Enrolment:
    """Calibrates on all that is enrolled now, by whomever, and keeps that.

    Args:
        work: That is done.
        removed: Person -> photos that were removed.
        compute: The seed of the intervals, and who is told.
    """
    compute.progress("calibrating", 0, 1)
    with work.gallery.store(write=True) as store:
        everything, attributes = store.everything()
        settings = everything.settings | work.wanted
        found = calibrate(
            everything.vectors, everything.owners, far=settings["far"],
            method=settings["method"], k=settings["k"], attributes=attributes, seed=compute.seed,
        )  # fmt: skip
        saved = None if found is None else found.to_json()
        store.calibrate(saved, revision=everything.mark.revision, settings=settings)
    compute.progress("calibrating", 1, 1)
    nobody = "" if found is None else knows_nobody(found, str(work.folder))
    return Enrolment(
        str(work.folder), work.gallery.origin[0], settings, dict(work.enrolled), removed,
        work.known, work.errors, len(everything.people), len(everything.owners), found,
        tuple(_notes(work, found, nobody, everything.people.values())), dict(work.moved),
        work.crowds, serious=found is not None and useless(found),
    )  # fmt: skip


def _notes(
    work: Enrolling, found: Calibration | None, nobody: str, people: Iterable[str]
) -> Iterator[str]:
    """Yields what to know besides, the most important first."""
    if nobody:
        yield nobody
    if warning := unaligned(work.backbone, work.preprocess, work.gallery.origin[0]):
        yield warning
    for photo, crowd in list(work.crowds.items())[:_SHOWN]:
        yield crowd.text(photo) + "."
    if len(work.crowds) > _SHOWN:
        yield (
            f"{len(work.crowds) - _SHOWN:,} more photos show several faces; --json names them all."
        )
    for twins in case_twins(people):
        yield f"{' and '.join(twins)} differ in capitals only, and are {len(twins)} people."
    if found is None:
        yield "No threshold can be calibrated with fewer than two people: enroll another."
    else:
        yield from found.summary


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _how(settings: dict[str, Any]) -> str:
    if settings["method"] == "centroid":
        return "compared with the mean of each person's photos"
    k = settings["k"]
    return "compared with " + (
        "each person's most similar photo" if k == 1 else f"each person's {k} most similar photos"
    )
