"""Frames whose answers are places, areas or objects: what they look like, and what is kept of them.

The maps and boxes of a frame are gone with the next ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headstart.images.video import Frame
from headstart.images.views import side_by_side
from headstart.predictions import Predictions
from headstart.tasks import task_of
from headstart.tasks.predictor import Predictor
from headstart.video.film import FrameResult
from headstart.video.film_answers import FilmAnswers, FilmObject
from headstart.video.object_tracks import ObjectTracks

__all__ = ["ObjectFrames", "PlaceFrames", "frame_result"]

_WEAK = 0.5  # share of the threshold from which on a box may carry an object on


class PlaceFrames:
    """Answers for whole frames, drawn where they are.

    Args:
        model: What answers.
        source: Name of the film.

    Attributes:
        latest: What was seen on the last frame.
    """

    def __init__(self, model: Predictor, source: str) -> None:
        self._model, self._source = model, source
        self._names: list[str] = []
        self._records: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        model = self._model
        inputs = side_by_side([model.preprocess.inputs(each.pixels, model.tta) for each in frames])
        sizes = [(each.pixels.shape[1], each.pixels.shape[0]) for each in frames]
        names = [f"{self._source} @ {each.seconds:.2f} s" for each in frames]
        found: Any = model.decode(model.settled(inputs) | model.places(sizes), names)
        seen = [[self.seen(found, i, each.seconds)] for i, each in enumerate(frames)]
        for [result] in seen:
            self._records.append(result.line)
            self._texts.append(result.text)
        self._names += names
        self.latest = seen[-1]
        return seen

    def seen(self, found: Any, index: int, seconds: float) -> FrameResult:
        """Returns what is said of one frame.

        Args:
            found: Answers to some frames.
            index: Which.
            seconds: When it was.
        """
        own = found.take(np.array([index]))
        task = task_of(self._model.spec.task)
        return replace(frame_result(found, index), draw=lambda pixels: task.draw(pixels, own, 0))

    def objects(self) -> tuple[FilmObject, ...] | None:
        """Returns what was followed; None where nothing is."""
        return None

    @property
    def glimpsed(self) -> int:
        """How many objects were seen on one frame only."""
        return 0

    def predictions(self, problem: str) -> FilmAnswers:
        """Returns all answers, and why it ended too soon, if it did."""
        names, records, texts = self._names, self._records, self._texts
        errors: dict[str, str] = {}
        if problem:
            errors[f"{self._source} (end)"] = problem
            names, records = [*names, *errors], [*records, {"error": problem}]
            texts = [*texts, problem]
        return FilmAnswers(
            tuple(names), self._model.spec.names, tuple(records), tuple(texts), errors,
            self.objects(), self.glimpsed,
        )  # fmt: skip


class ObjectFrames(PlaceFrames):
    """Objects on frames, followed from one to the next and counted once.

    Args:
        model: What answers.
        source: Name of the film.
    """

    def __init__(self, model: Predictor, source: str) -> None:
        super().__init__(model, source)
        self._tracks = ObjectTracks()

    def seen(self, found: Any, index: int, seconds: float) -> FrameResult:
        """Returns what is said of one frame, its objects with their numbers.

        Args:
            found: Answers to some frames.
            index: Which.
            seconds: When it was.
        """
        rows = found.rows(index, _WEAK * found.threshold)
        numbers = self._tracks.update(
            seconds, found.corners[rows], found.labels[rows], found.scores[rows],
            least=found.threshold,
        )  # fmt: skip
        result = frame_result(found, index)
        if "objects" in result.line:
            # `record` has those above the threshold, in the same order.
            for each, number in zip(result.line["objects"], numbers.tolist()):
                each["object"] = number
        own, known = found.take(np.array([index])), numbers.tolist()
        draw: Any = task_of(self._model.spec.task).draw
        return replace(result, draw=lambda pixels: draw(pixels, own, 0, numbers=known))

    def objects(self) -> tuple[FilmObject, ...]:
        """Returns what was seen on two frames or more."""
        return tuple(
            FilmObject(
                each.number, self._model.spec.names[each.label], round(each.begun, 3),
                round(each.seen, 3), each.looks, round(each.score, 4),
                tuple(round(float(side), 1) for side in each.box),
            )
            for each in self._tracks.counted
        )  # fmt: skip

    @property
    def glimpsed(self) -> int:
        """How many objects were seen on one frame only."""
        return self._tracks.glimpsed


def frame_result(
    found: Predictions, index: int, *, number: int | None = None, box: np.ndarray | None = None
) -> FrameResult:
    """Returns one answer for the frame and for its line of JSON.

    Args:
        found: Answers.
        index: Which.
        number: Of a face that is followed.
        box: (4,) where that is.
    """
    record = found.record(index)
    line = {key: _short(value) for key, value in record.items() if key != "name"}
    text = found.text(index)
    if number is not None:
        line, text = {"face": number, **line}, f"{number}: {text}"
    return FrameResult(text, bool(record.get("sure", True)), line, box)


def _short(value: Any) -> Any:
    """Numbers to six digits: there is a line a frame."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
