"""Which object is which from frame to frame, so that they are counted once.

The most certain boxes choose first where they go on, by overlap with where an object should be by
now; weak boxes may carry an object on and never begin one (Zhang et al., 2022, ByteTrack). What is
only half in the picture is easily taken for another class: where an object should be and nothing
else is, another class is a vote, and the object is of the class with most of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headstart.metrics.overlap import overlaps

__all__ = ["ObjectTrack", "ObjectTracks"]

# Seconds out of sight after which an object has left, and looks that it may always miss.
_PATIENCE, _MISSED = 1.0, 2.5
# What was seen on one frame must be there on the next, or it was a flicker.
_NEXT = 1.5
# Overlap with where it should be; without any, it may be so many sides away, and so much larger.
_LEAST, _REACH, _GROWTH = 0.1, 1.5, 1.8
# A weak box, and one of another class, must lie where the object is expected.
_THERE = 0.5
# Boxes of one frame that are one object under two classes.
_SAME = 0.7
_SMOOTH = 0.5


@dataclass
class ObjectTrack:
    """One object over time.

    Attributes:
        number: From 1, in order of appearance.
        label: Its class: the one with the largest sum of scores so far.
        box: (4,) left, top, right, bottom where it was seen last, in pixels.
        begun: Seconds when it was seen first.
        seen: Seconds when it was seen last.
        score: The highest so far.
        looks: Frames that it was seen on.
        speed: (2,) pixels a second.
        votes: Class -> sum of the scores that it had.
    """

    number: int
    label: int
    box: np.ndarray
    begun: float
    seen: float
    score: float
    looks: int = 1
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))
    votes: dict[int, float] = field(init=False)

    def __post_init__(self) -> None:
        self.votes = {self.label: self.score}

    def at(self, seconds: float) -> np.ndarray:
        """Returns the (4,) box where it should be at some time."""
        return self.box + np.tile(self.speed * (seconds - self.seen), 2)

    def go_on(self, seconds: float, box: np.ndarray, label: int, score: float) -> None:
        """Takes a new look at it."""
        past = max(seconds - self.seen, 1e-6)
        moved = ((box[:2] + box[2:]) - (self.box[:2] + self.box[2:])) / 2 / past
        self.speed = moved if self.looks == 1 else _SMOOTH * moved + (1 - _SMOOTH) * self.speed
        self.box, self.seen, self.looks = box, seconds, self.looks + 1
        self.score = max(self.score, score)
        self.vote(label, score)

    def vote(self, label: int, score: float) -> None:
        """Hears what somebody takes it for."""
        self.votes[label] = self.votes.get(label, 0.0) + score
        self.label = max(self.votes, key=self.votes.__getitem__)


class ObjectTracks:
    """All objects of a film, fed frame by frame."""

    def __init__(self) -> None:
        self._all: list[ObjectTrack] = []
        self._alive: list[ObjectTrack] = []
        self._before: float | None = None
        self._frames = 0

    @property
    def counted(self) -> list[ObjectTrack]:
        """Those seen on two frames or more: a flicker of one frame is none."""
        least = min(2, self._frames)
        return [each for each in self._all if each.looks >= least]

    @property
    def glimpsed(self) -> int:
        """How many were seen on one frame of several, and so are not counted."""
        return len(self._all) - len(self.counted)

    def update(
        self,
        seconds: float,
        corners: np.ndarray,
        labels: np.ndarray,
        scores: np.ndarray,
        *,
        least: float,
    ) -> np.ndarray:
        """Gives the boxes of a frame to objects.

        Args:
            seconds: Of the frame.
            corners: (F, 4) left, top, right, bottom in pixels.
            labels: (F,) int classes.
            scores: (F,).
            least: Score from which on a box is an answer.

        Returns:
            (F,) int numbers of the objects; 0 for a weak box that carries none on.
        """
        gap = seconds - self._before if self._before is not None else 0.0
        patience = max(_PATIENCE, _MISSED * gap)
        self._alive = [
            each
            for each in self._alive
            if seconds - each.seen <= (patience if each.looks > 1 else _NEXT * gap)
        ]
        self._before, self._frames = seconds, self._frames + 1
        numbers = np.zeros(len(scores), np.int64)
        strong = np.flatnonzero(scores >= least)
        weak = np.flatnonzero(scores < least)
        free = list(self._alive)
        rounds = ((strong, 0.0, labels), (strong, _THERE, None), (weak, _THERE, labels))
        for rows, wanted, own in rounds:
            left = rows[numbers[rows] == 0]
            for row, track in _pairs(free, seconds, corners, own, left, wanted):
                track.go_on(seconds, corners[row], int(labels[row]), float(scores[row]))
                numbers[row] = track.number
            free = [each for each in free if each.seen < seconds]
        alike = overlaps(corners, corners) >= _SAME
        for row in sorted(strong[numbers[strong] == 0].tolist(), key=lambda each: -scores[each]):
            twins = numbers[alike[row] & (labels != labels[row]) & (numbers > 0)]
            if len(twins):
                numbers[row] = twins[0]
                self._all[twins[0] - 1].vote(int(labels[row]), float(scores[row]))
                continue
            track = ObjectTrack(
                len(self._all) + 1, int(labels[row]), corners[row], seconds, seconds,
                float(scores[row]),
            )  # fmt: skip
            self._all.append(track)
            self._alive.append(track)
            numbers[row] = track.number
        return numbers


def _pairs(
    tracks: list[ObjectTrack],
    seconds: float,
    corners: np.ndarray,
    labels: np.ndarray | None,
    rows: np.ndarray,
    wanted: float,
) -> list[tuple[int, ObjectTrack]]:
    """Returns which boxes go on with which objects, the nearest pair first.

    Args:
        tracks: That no box goes on with yet.
        seconds: Of the frame.
        corners: (F, 4) of all boxes.
        labels: (F,) of them; None where any class may go on.
        rows: (R,) int, which of them are looked at.
        wanted: Overlap that a pair must have; 0 also takes what is near.
    """
    if not tracks or not len(rows):
        return []
    ahead = np.stack([each.at(seconds) for each in tracks])
    near = _nearness(ahead, corners[rows])
    near[near < wanted] = 0
    if labels is not None:
        near *= np.array([each.label for each in tracks])[:, None] == labels[rows][None, :]
    found: list[tuple[int, ObjectTrack]] = []
    for flat in np.argsort(-near, axis=None, kind="stable").tolist():
        one, other = divmod(flat, len(rows))
        if near[one, other] <= 0:
            break
        if near[one].max() > 0 and near[:, other].max() > 0:
            found.append((int(rows[other]), tracks[one]))
        near[one], near[:, other] = 0, 0
    return found


def _nearness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns (A, B): overlap; where there is little, below that how near they are; 0 for far."""
    found = overlaps(first, second)
    sides = [np.sqrt(np.maximum((b[:, 2:] - b[:, :2]).prod(axis=1), 1e-6)) for b in (first, second)]
    larger = np.maximum(sides[0][:, None], sides[1][None, :])
    smaller = np.minimum(sides[0][:, None], sides[1][None, :])
    middles = [(b[:, :2] + b[:, 2:]) / 2 for b in (first, second)]
    away = np.linalg.norm(middles[0][:, None] - middles[1][None, :], axis=2) / larger
    close = np.where(
        (away <= _REACH) & (larger <= _GROWTH * smaller), _LEAST * (1 - away / _REACH), 0.0
    )
    return np.where(found >= _LEAST, found, np.maximum(close, 0))
