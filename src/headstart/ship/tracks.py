"""Who is who from frame to frame: faces that overlap are one track, with one answer.

Trackers by name (ByteTrack, SORT) are made for crowds and bring the other build of OpenCV, SciPy
and Matplotlib with them; a few faces a frame need no more than the nearest box of a moment ago.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Track", "Tracks"]

# Seconds without a face after which its track has ended.
_PATIENCE = 2.0
# How far a face may move between two looks, in sides of its box.
_REACH = 1.0
# Its size may change by this factor.
_GROWTH = 1.8


@dataclass
class Track:
    """One face over time.

    Attributes:
        number: From 1, in order of appearance.
        box: (4,) where it was seen last.
        begun: Seconds.
        seen: Seconds when it was seen last.
        sums: (C,) probabilities, added up over its looks.
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

    def update(self, seconds: float, boxes: np.ndarray, rows: np.ndarray) -> list[Track]:
        """Gives the faces of a frame to their tracks, nearest pair first.

        Args:
            seconds: Of the frame.
            boxes: (F, 4) left, top, width, height.
            rows: (F, C) probabilities.

        Returns:
            F tracks.
        """
        self._alive = [each for each in self._alive if seconds - each.seen <= _PATIENCE]
        pairs = sorted(
            (apart, number, place)
            for number, box in enumerate(boxes)
            for place, track in enumerate(self._alive)
            if (apart := _apart(box, track.box)) <= _REACH
        )
        given: dict[int, Track] = {}
        taken: set[int] = set()
        for _, number, place in pairs:
            if number in given or place in taken:
                continue
            track = self._alive[place]
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
                self._alive.append(track)
        return [given[number] for number in range(len(boxes))]


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the distance of two boxes' middles in sides of the larger; infinite if unlike."""
    sides = float(one[2:].mean()), float(other[2:].mean())
    if max(sides) > _GROWTH * max(min(sides), 1e-6):
        return float("inf")
    gap = (one[:2] + one[2:] / 2) - (other[:2] + other[2:] / 2)
    return float(np.linalg.norm(gap)) / max(sides)
