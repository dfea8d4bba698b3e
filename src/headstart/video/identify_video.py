"""Who of a gallery is in a video: every face is followed, and searched by its surest looks.

What is compared is the direction of the mean vector of the five looks at which the detector was
surest. Blurred, dark, small and turned looks pull a mean of all of them down, and the detector
tells which they are better than sharpness does. The best of all looks would name strangers too:
each look is one more chance. `benchmarks/track_scores.py` has the figures. So no crop is kept, and
memory does not grow with the seconds that a face is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress
from headstart.gallery.identification import Answer, decide
from headstart.gallery.search import Index, Match, unit
from headstart.images.capture import name_of_source
from headstart.images.preprocess import Preprocess
from headstart.images.video import Frame
from headstart.video.film import FrameResult, process_video
from headstart.video.tracks import Track, Tracker

__all__ = ["SUREST", "GalleryFaces", "GalleryFrames", "Search", "direction", "identify_in_video"]

SUREST = 5
"""Looks at a face that are compared."""


@dataclass(frozen=True)
class Search:
    """What is asked of a video.

    Attributes:
        source: A video file, a camera or a stream.
        index: Who is known.
        preprocess: How frames are fitted.
        embed: See `headstart.gallery.embed.square_embedder`.
        threshold: Scores above it are accepted.
        same: Two faces that are no more alike than this are two people; None if that is unknown.
        top: People listed for each answer.
    """

    source: str | int
    index: Index
    preprocess: Preprocess
    embed: Callable[[np.ndarray], np.ndarray]
    threshold: float
    same: float | None
    top: int

    @property
    def name(self) -> str:
        """What the video is called in answers."""
        return name_of_source(self.source)


@dataclass(frozen=True)
class _Look:
    """One look at a face.

    Attributes:
        score: Of the detector.
        vector: (D,) of length 1.
        seconds: When.
        box: (4,) where.
    """

    score: float
    vector: np.ndarray
    seconds: float
    box: np.ndarray


@dataclass
class _Sighting:
    """A face that is followed, with its surest looks, the surest first."""

    track: Track
    looks: list[_Look] = field(default_factory=list)

    def add(self, look: _Look) -> None:
        self.looks = sorted([*self.looks, look], key=lambda each: -each.score)[:SUREST]

    @property
    def vector(self) -> np.ndarray:
        return direction(np.stack([each.vector for each in self.looks]))


def direction(vectors: np.ndarray) -> np.ndarray:
    """Returns the direction of the mean of vectors, (D,), which is searched like a photo's."""
    return unit(vectors.sum(axis=0, keepdims=True))[0]


class GalleryFaces:
    """Looks for people of a gallery among the faces of a video (a `FrameHandler`)."""

    def __init__(self, search: Search) -> None:
        self._search = search
        alike = None if search.same is None else self._alike
        self._tracker = Tracker(search.preprocess, 1, search.embed, alike=alike)
        self._sightings: dict[int, _Sighting] = {}
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is said so far of each face on each of some frames."""
        seen = []
        for frame, faces in zip(frames, self._tracker.follow(frames), strict=True):
            self.latest = []
            for track, face, vector in faces:
                sighting = self._sightings.setdefault(track.number, _Sighting(track))
                sighting.add(_Look(face.score, vector, frame.seconds, face.box))
                (ranked,) = self._search.index.search(sighting.vector[None])
                text, sure, line = _said(ranked, self._search.threshold)
                line = {"face": track.number, "box": _rounded(face.box), **line}
                self.latest.append(FrameResult(f"{track.number}: {text}", sure, line, face.box))
            seen.append(self.latest)
        return seen

    def _alike(self, track: Track, vector: np.ndarray) -> bool:
        """Tells whether a face that came back is still that person."""
        assert self._search.same is not None
        return float(self._sightings[track.number].vector @ vector) > self._search.same

    def answers(self, problem: str) -> tuple[Answer, ...]:
        """Returns one answer a face, and why the video ended too soon, if it did."""
        answers = []
        for number, each in self._sightings.items():
            (ranked,) = self._search.index.search(each.vector[None], top=self._search.top)
            surest, track = each.looks[0], each.track
            answers.append(
                Answer(
                    f"{self._search.name} face {number}",
                    *decide(ranked, self._search.threshold),
                    tuple(ranked),
                    box=_rounded(surest.box),
                    seconds=(round(track.begun, 2), round(track.seen, 2)),
                    looks=track.looks,
                    clearest=round(surest.seconds, 2),
                )
            )
        return (*answers, *_end(self._search.name, problem))


class GalleryFrames:
    """Looks for what a gallery of whole photos knows on whole frames, likewise."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._answers: list[Answer] = []
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        asked = self._search
        inputs = np.stack([asked.preprocess.inputs(each.pixels, 1) for each in frames])
        found = asked.index.search(asked.embed(inputs), top=asked.top)
        for frame, ranked in zip(frames, found, strict=True):
            at = round(frame.seconds, 2)
            name, who = f"{asked.name} @ {at:.2f} s", decide(ranked, asked.threshold)
            self._answers.append(
                Answer(name, *who, tuple(ranked), seconds=(at, at), looks=1, clearest=at)
            )
        seen = [[FrameResult(*_said(ranked, asked.threshold))] for ranked in found]
        self.latest = seen[-1]
        return seen

    def answers(self, problem: str) -> tuple[Answer, ...]:
        """Returns one answer a frame, and why the video ended too soon, if it did."""
        return (*self._answers, *_end(self._search.name, problem))


def _said(ranked: list[Match], threshold: float) -> tuple[str, bool, dict[str, Any]]:
    """Returns the answer for people, whether it is a name, and for a line of JSON."""
    person, score = decide(ranked, threshold)
    text = f"{person} {score:.2f}" if person is not None else "unknown"
    return text, person is not None, {"person": person, "score": round(score, 5)}


def _rounded(box: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(each), 1) for each in box)


def _end(source: str, problem: str) -> list[Answer]:
    return [Answer(f"{source} (end)", None, None, error=problem)] if problem else []


def identify_in_video(
    search: Search, fps: float, out: Path | None, progress: Progress
) -> tuple[tuple[Answer, ...], list[str]]:
    """Follows and names who is in a video or before a camera.

    Args:
        search: What is asked.
        fps: Frames looked at a second.
        out: The annotated video is written there, unless None.
        progress: Called as frames are done.

    Returns:
        The answers, and what to know of them.
    """
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
