"""A model on a video or a camera: an answer a frame, and the video with the answers on it.

A model of faces answers for every face, and follows it: what is said of a face is the mean over
its frames.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from headstart.deploy.answer import format_prediction, record
from headstart.deploy.predictor import Predictor
from headstart.images.video import Frame
from headstart.records import Predictions
from headstart.video.film import FrameResult, process_video
from headstart.video.tracks import Tracker

__all__ = ["predict_video"]


def predict_video(
    model: Predictor,
    source: str,
    *,
    fps: float,
    out: Path | None,
    progress: Callable[[str, int, int], None],
) -> Predictions:
    """Names what is on a few frames a second.

    Args:
        model: What answers.
        source: A video file, or the number of a camera.
        fps: Frames a second to name.
        out: See `process_video`.
        progress: Called as seconds go by.

    Returns:
        One row a named frame; of a model of faces, one row a face that was followed, with its
        last box. A video that ends too soon, or a camera that goes, leaves a last row with the
        reason; the rows before are kept.

    Raises:
        DataError: If the source cannot be opened.
        OptionError: If `fps` or `out` makes no sense.
        OutputError: If `out` is there already or cannot be written.
    """
    handler = _Faces(model, source) if model.preprocess.faces is not None else _Whole(model, source)
    problem = process_video(source, handler, fps=fps, out=out, progress=progress)
    return handler.predictions(problem)


class _Whole:
    """Answers for whole frames."""

    def __init__(self, model: Predictor, source: str) -> None:
        self._model, self._source = model, source
        self._names: list[str] = []
        self._rows: list[np.ndarray] = []
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        model = self._model
        inputs = np.stack([model.preprocess.inputs(each.pixels, model.tta) for each in frames])
        rows = list(model.probabilities(inputs))
        self._names += [f"{self._source} @ {each.seconds:.2f} s" for each in frames]
        self._rows += rows
        seen = [[FrameResult(*format_prediction(row, model), _line(row, model))] for row in rows]
        self.latest = seen[-1]
        return seen

    def predictions(self, problem: str) -> Predictions:
        """Returns all answers, and why it ended too soon, if it did."""
        return _predictions(self._model, self._source, self._names, self._rows, None, problem)


class _Faces:
    """Answers for every face on a frame, followed from frame to frame."""

    def __init__(self, model: Predictor, source: str) -> None:
        self._model, self._source = model, source
        self._tracker = Tracker(model.preprocess, model.tta, model.probabilities)
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        seen: list[list[FrameResult]] = []
        for faces in self._tracker.follow(frames):
            self.latest = []
            for track, face, _ in faces:
                text, sure = format_prediction(track.row, self._model)
                box = [round(float(each), 1) for each in face.box]
                line = {"face": track.number, "box": box, **_line(track.row, self._model)}
                self.latest.append(FrameResult(f"{track.number}: {text}", sure, line, face.box))
            seen.append(self.latest)
        return seen

    def predictions(self, problem: str) -> Predictions:
        """Returns one answer a face, and why it ended too soon, if it did."""
        tracks = self._tracker.tracks
        names = [
            f"{self._source} face {each.number} ({each.begun:.2f} to {each.seen:.2f} s, "
            f"{each.looks} frame{'s' * (each.looks > 1)})"
            for each in tracks
        ]
        rows, boxes = [each.row for each in tracks], [each.box for each in tracks]
        return _predictions(self._model, self._source, names, rows, boxes, problem)


def _line(row: np.ndarray, model: Predictor) -> dict[str, Any]:
    """Returns what a line of JSON says of an answer."""
    value = record(row, model)
    for name in {"number", "low", "high"} & value.keys():
        value[name] = float(f"{value[name]:.6g}")
    value["probability"] = round(value["probability"], 5)
    value["probabilities"] = {
        name: round(share, 5) for name, share in value["probabilities"].items()
    }
    return value


def _predictions(
    model: Predictor,
    source: str,
    names: list[str],
    rows: list[np.ndarray],
    boxes: list[np.ndarray] | None,
    problem: str,
) -> Predictions:
    """Puts answers together; what ended a video too soon is a last row without an answer."""
    errors: dict[str, str] = {}
    if problem:
        errors[f"{source} (end)"] = problem
        names, rows = [*names, *errors], [*rows, np.full(len(model.classes), np.nan)]
        boxes = None if boxes is None else [*boxes, np.full(4, np.nan)]
    found = np.array(rows, np.float32).reshape(len(names), len(model.classes))
    places = None if boxes is None else np.array(boxes, np.float32).reshape(-1, 4)
    return Predictions(found, model.classes, tuple(names), None, errors, places, model.bins)
