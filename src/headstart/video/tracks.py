"""Who is who from frame to frame: faces that overlap are one track, with one answer.

Trackers by name (ByteTrack, SORT) are made for crowds and bring the other build of OpenCV, SciPy
and Matplotlib with them; a few faces a frame need no more than the nearest box of a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from headstart.images.detect import Face
from headstart.images.preprocess import Preprocess
from headstart.images.video import Frame

__all__ = ["Alike", "Tracker", "Track", "Tracks"]

# Faces that a network sees at once.
_BATCH = 16

# Seconds without a face after which its track has ended.
_PATIENCE = 2.0
# How far a face may move between two looks, in sides of its box.
_REACH = 1.0
# From so far on it may be another face that came in front.
_JUMP = 0.5
# Its size may change by this factor.
_GROWTH = 1.8


Alike = Callable[["Track", np.ndarray], bool]
"""Whether a face with this row may be that of a track."""


@dataclass
class Track:
    """One face over time.

    Attributes:
        number: From 1, in order of appearance.
        box: (4,) where it was seen last.
        begun: Seconds.
        seen: Seconds when it was seen last.
        sums: (C,) probabilities, added up over its looks; no crop is kept.
        looks: How many.
    """

    number: int
    box: np.ndarray
    begun: float
    seen: float
    sums: np.ndarray
    looks: int = field(default=1)

    @property
    def row(self) -> np.ndarray:
        """(C,) mean probabilities of its looks: what is said of this face so far."""
        return self.sums / self.looks


class Tracks:
    """All tracks of a video, fed frame by frame."""

    def __init__(self) -> None:
        self.all: list[Track] = []
        self._alive: list[Track] = []
        self._before = 0.0

    def update(
        self, seconds: float, boxes: np.ndarray, rows: np.ndarray, *, alike: Alike | None = None
    ) -> list[Track]:
        """Gives the faces of a frame to their tracks, nearest pair first.

        Args:
            seconds: Of the frame.
            boxes: (F, 4) left, top, width, height.
            rows: (F, C) probabilities.
            alike: Is asked about tracks that were out of sight or jumped: who steps in where
                another left, or in front, is somebody else.

        Returns:
            F tracks.
        """
        self._alive = [each for each in self._alive if seconds - each.seen <= _PATIENCE]
        near = sorted(
            (apart, number, place)
            for number, box in enumerate(boxes)
            for place, track in enumerate(self._alive)
            if (apart := _apart(box, track.box)) <= _REACH
        )
        given: dict[int, Track] = {}
        taken: set[int] = set()
        refused: dict[int, list[Track]] = {}
        for apart, number, place in near:
            if number in given or place in taken:
                continue
            track = self._alive[place]
            doubtful = track.seen < self._before or apart > _JUMP
            if doubtful and alike is not None and not alike(track, rows[number]):
                refused.setdefault(number, []).append(track)
                continue
            track.box, track.seen = boxes[number], seconds
            track.sums, track.looks = track.sums + rows[number], track.looks + 1
            given[number] = track
            taken.add(place)
        for number, box in enumerate(boxes):
            if number not in given:
                sums = rows[number].astype(np.float64)
                track = Track(len(self.all) + 1, box, seconds, seconds, sums)
                given[number] = track
                self.all.append(track)
                # Somebody else stands there now, and whoever left begins anew.
                ended = {each.number for each in refused.get(number, []) if each.seen < seconds}
                self._alive = [each for each in self._alive if each.number not in ended] + [track]
        self._before = seconds
        return [given[number] for number in range(len(boxes))]


class Tracker:
    """Finds the faces on frames, asks a network about them, and gives its answers to tracks.

    Args:
        preprocess: With `faces`.
        tta: V of each face.
        rows: (N, V, size, size, 3) uint8 -> (N, C), what the network says.
        alike: See `Tracks.update`.
    """

    def __init__(
        self,
        preprocess: Preprocess,
        tta: int,
        rows: Callable[[np.ndarray], np.ndarray],
        *,
        alike: Alike | None = None,
    ) -> None:
        self._preprocess, self._tta, self._rows, self._alike = preprocess, tta, rows, alike
        self._tracks = Tracks()

    @property
    def tracks(self) -> list[Track]:
        """All tracks so far, in order of appearance."""
        return self._tracks.all

    def follow(self, frames: list[Frame]) -> Iterator[list[tuple[Track, Face, np.ndarray]]]:
        """Yields tracks, faces and their rows, frame by frame; tracks go on with the next."""
        found = [self._preprocess.every_face(each.pixels, self._tta) for each in frames]
        inputs = [square for faces in found for _, square in faces]
        parts = range(0, len(inputs), _BATCH)
        answers = [row for i in parts for row in self._rows(np.stack(inputs[i : i + _BATCH]))]
        for frame, seen in zip(frames, found, strict=True):
            faces = [face for face, _ in seen]
            rows, answers = answers[: len(faces)], answers[len(faces) :]
            boxes = np.array([face.box for face in faces]).reshape(-1, 4)
            tracks = self._tracks.update(frame.seconds, boxes, np.array(rows), alike=self._alike)
            yield list(zip(tracks, faces, rows, strict=True))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the distance of two boxes' middles in sides of the larger; infinite if unlike."""
    sides = float(one[2:].mean()), float(other[2:].mean())
    if max(sides) > _GROWTH * max(min(sides), 1e-6):
        return float("inf")
    gap = (one[:2] + one[2:] / 2) - (other[:2] + other[2:] / 2)
    # A detector at the edge of a frame may give a box of no size: then only its place counts.
    return float(np.linalg.norm(gap)) / max(*sides, 1e-6)
