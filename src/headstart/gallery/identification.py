"""Who is on photos or a video: the records, and how an answer follows from a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from headstart.gallery.search import Match
from headstart.records import Estimate

__all__ = ["Answer", "Identification", "decide"]


@dataclass(frozen=True)
class Answer:
    """What is said about one photo, one face on it, or one face that was followed in a video.

    Attributes:
        photo: Its name; of a video with the face's number.
        person: Who it is; None where nobody scores above the threshold, or in case of an error.
        score: Of the best person, a cosine; in a video of the mean of the surest looks at the face.
            None in case of an error.
        candidates: The best people with their scores, whatever the threshold.
        error: Why the photo could not be used, or why the video ended too soon.
        box: Left, top, width and height of the face in pixels, in galleries of faces; in a video,
            at `clearest`.
        seconds: Of a video: when the face was seen first and last.
        looks: Of a video: how often it was looked at.
        clearest: Of a video: the second of the look at which the detector was surest.
    """

    photo: str
    person: str | None
    score: float | None
    candidates: tuple[Match, ...] = ()
    error: str | None = None
    box: tuple[float, ...] | None = None
    seconds: tuple[float, float] | None = None
    looks: int | None = None
    clearest: float | None = None


@dataclass(frozen=True)
class Identification:
    """The answers to some photos, or to a video.

    Attributes:
        gallery: Its folder.
        threshold: Scores above it are accepted.
        far: Share of strangers that were accepted when it was calibrated; None where it was given.
        answers: One a photo, or one a face.
        measures: With `labelled`: how often the answers are right.
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
        what = "faces of a video" if self.of_video else "photos"
        return f"Identification({len(self.answers):,} {what}, {named:,} of people known)"

    @property
    def of_video(self) -> bool:
        """Whether the answers have times."""
        return any(each.seconds is not None for each in self.answers)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(each.photo)}</td><td>{escape(each.error or each.person or 'unknown')}"
            f"</td><td>{'' if each.score is None else f'{each.score:.3f}'}</td></tr>"
            for each in self.answers[:50]
        )
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"


def decide(ranked: Sequence[Match], threshold: float) -> tuple[str | None, float]:
    """Returns who it is, None for nobody that is known, and the best score."""
    person, score = ranked[0] if ranked else (None, -1.0)
    return (person if score > threshold else None), score
