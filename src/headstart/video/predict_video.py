"""A model on a video or a camera: an answer a frame, and the video with the answers on it.

A model of faces answers for every face, and follows it: what is said of a face is the mean over
its frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress
from headstart.images.capture import name_of_source
from headstart.images.video import Frame
from headstart.predictions import Predictions
from headstart.tasks import has_objects, placed
from headstart.tasks.predictor import Predictor
from headstart.tasks.protocol import Outputs
from headstart.video.film import FrameResult, process_video
from headstart.video.place_frames import ObjectFrames, PlaceFrames, frame_result
from headstart.video.tracks import Tracker

__all__ = ["predict_video"]


def predict_video(
    model: Predictor,
    source: str | int,
    *,
    fps: float,
    out: Path | None,
    progress: Progress,
) -> Predictions:
    """Names what is on a few frames a second.

    Args:
        model: What answers.
        source: A video file, a camera or a stream.
        fps: Frames a second to name.
        out: See `process_video`.
        progress: Called as seconds go by.

    Returns:
        One row a named frame; of a model of faces, one row a face that was followed, with its
        last box; of answers that are places `FilmAnswers`, which keep no maps. A video that ends
        too soon, or a camera that goes, leaves a last row with the reason; the rows before are
        kept.

    Raises:
        DataError: If the source cannot be opened.
        OptionError: If `fps` or `out` makes no sense.
        OutputError: If `out` is there already or cannot be written.
    """
    name = name_of_source(source)
    kinds = (
        (_Faces, model.preprocess.faces is not None), (ObjectFrames, has_objects(model.spec.task)),
        (PlaceFrames, placed(model.spec.task)), (_Whole, True),
    )  # fmt: skip
    handler: Any = next(kind for kind, fits in kinds if fits)(model, name)
    problem = process_video(source, handler, fps=fps, out=out, progress=progress)
    return handler.predictions(problem)


class _Whole:
    """Answers for whole frames."""

    def __init__(self, model: Predictor, source: str) -> None:
        self._model, self._source = model, source
        self._names: list[str] = []
        self._parts: list[Outputs] = []
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        model = self._model
        inputs = np.stack([model.preprocess.inputs(each.pixels, model.tta) for each in frames])
        outputs = model.outputs(inputs)
        names = [f"{self._source} @ {each.seconds:.2f} s" for each in frames]
        self._names += names
        self._parts.append(outputs)
        found = model.decode(outputs, names)
        seen = [[frame_result(found, i)] for i in range(len(names))]
        self.latest = seen[-1]
        return seen

    def predictions(self, problem: str) -> Predictions:
        """Returns all answers, and why it ended too soon, if it did."""
        return _predictions(self._model, self._source, self._names, self._parts, None, problem)


class _Rows:
    """Named outputs as one row of numbers an item, and back, so that they can be averaged."""

    def __init__(self, model: Predictor) -> None:
        self._model = model
        self._shapes: dict[str, tuple[int, ...]] = {}

    def of(self, inputs: np.ndarray) -> np.ndarray:
        """Returns (N, K) of (N, V, size, size, 3) uint8."""
        outputs = self._model.outputs(inputs)
        self._shapes = {name: array.shape[1:] for name, array in outputs.items()}
        return np.concatenate([array.reshape(len(inputs), -1) for array in outputs.values()], 1)

    def outputs(self, rows: list[np.ndarray]) -> Outputs:
        """Returns the outputs that some rows are of; at least one was computed before."""
        table, start, found = np.stack(rows).astype(np.float32), 0, {}
        for name, shape in self._shapes.items():
            width = int(np.prod(shape))
            found[name] = table[:, start : start + width].reshape(len(rows), *shape)
            start += width
        return found


class _Faces:
    """Answers for every face on a frame, followed from frame to frame."""

    def __init__(self, model: Predictor, source: str) -> None:
        self._model, self._source = model, source
        self._rows = _Rows(model)
        self._tracker = Tracker(model.preprocess, model.tta, self._rows.of)
        self.latest: list[FrameResult] = []

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""
        seen: list[list[FrameResult]] = []
        for faces in self._tracker.follow(frames):
            self.latest = []
            if faces:
                outputs = self._rows.outputs([track.row for track, _, _ in faces])
                boxes = np.array([face.box for _, face, _ in faces], np.float32)
                names = [f"face {track.number}" for track, _, _ in faces]
                found = self._model.decode(outputs, names, boxes=boxes)
                self.latest = [
                    frame_result(found, i, number=track.number, box=face.box)
                    for i, (track, face, _) in enumerate(faces)
                ]
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
        parts = [self._rows.outputs([each.row for each in tracks])] if tracks else []
        boxes = [each.box for each in tracks]
        return _predictions(self._model, self._source, names, parts, boxes, problem)


def _predictions(
    model: Predictor,
    source: str,
    names: list[str],
    parts: list[Outputs],
    boxes: list[np.ndarray] | None,
    problem: str,
) -> Predictions:
    """Puts answers together; what ended a video too soon is a last row without an answer."""
    errors: dict[str, str] = {}
    if problem:
        errors[f"{source} (end)"] = problem
        names = [*names, *errors]
        boxes = None if boxes is None else [*boxes, np.full(4, np.nan)]
    if problem or not parts:
        parts = [*parts, model.nothing(len(errors))]
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    places = None if boxes is None else np.array(boxes, np.float32).reshape(-1, 4)
    return model.decode(outputs, names, errors=errors, boxes=places)
