"""A model on a video or a camera: an answer a frame, and the video with the answers on it.

A model of faces answers for every face, and follows it: what is said of a face is the mean over
its frames.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.data.preprocess import Preprocess
from headstart.data.video import Frame, Video, Writer
from headstart.errors import OptionError, OutputError
from headstart.records import Predictions
from headstart.scale import Scale
from headstart.ship.people import draw
from headstart.ship.tell import fields, words
from headstart.ship.tracks import Tracks

__all__ = ["Watcher", "watch"]

_MOVIES = {".mp4", ".avi"}
_LINES = {".jsonl", ".ndjson"}
_BATCH = 8


class Watcher(Protocol):
    """What names frames: an exported model, or that of a run."""

    @property
    def classes(self) -> tuple[str, ...]:
        """C class names."""

    @property
    def preprocess(self) -> Preprocess:
        """How frames are fitted."""

    @property
    def views(self) -> int:
        """How many views of a frame are averaged."""

    @property
    def threshold(self) -> float:
        """Probability below which an answer is "not sure"."""

    @property
    def scale(self) -> Scale | None:
        """Of a model that tells numbers: the classes are its ranges."""

    def probabilities(self, squares: np.ndarray) -> np.ndarray:
        """Returns (N, C) probabilities of (N, V, size, size, 3) uint8."""


def watch(
    model: Watcher,
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
        out: A `.jsonl` file that gets a line a named frame as it comes, or an `.mp4` or `.avi` file
            that gets every frame with the latest answer on it.
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
    if not fps > 0:
        raise OptionError(f"--fps {fps}: a number above 0")
    kind = out.suffix.lower() if out is not None else ""
    if out is not None and kind not in _MOVIES | _LINES:
        raise OptionError(
            f"-o {out}: of a video, give a name that ends in .jsonl (a line a frame), .mp4 or .avi "
            f"(the video with the answers on it)"
        )
    video = Video(source, fps=fps, every=kind in _MOVIES)
    looker = _Faces(model, source) if model.preprocess.faces is not None else _Whole(model, source)
    with _Output(out, kind, video.rate) as output:
        waiting: list[Frame] = []

        def answer() -> None:
            for frame, found in zip(waiting, looker.look(waiting), strict=True):
                for each in found:
                    output.line(frame.seconds, each, model)
            waiting.clear()

        try:
            for frame in video:
                if frame.chosen:
                    waiting.append(frame)
                # The answer must be on the very frame, and of a camera it is wanted at once.
                if kind in _MOVIES or not video.total or len(waiting) == _BATCH:
                    answer()
                output.frame(frame.pixels, looker.latest, model)
                done, total = int(10 * frame.seconds), int(10 * video.total)
                progress("watching", min(done, total or done), total or done + 1)
            answer()
        except KeyboardInterrupt:
            if video.total:
                raise
            answer()  # that is how a camera is ended
    return looker.predictions(video.problem)


@dataclass(frozen=True)
class _Seen:
    """One answer: of a frame, or of a face on it."""

    row: np.ndarray
    box: np.ndarray | None = None
    track: int = 0


class _Whole:
    """Answers for whole frames."""

    def __init__(self, model: Watcher, source: str) -> None:
        self._model, self._source = model, source
        self._names: list[str] = []
        self._rows: list[np.ndarray] = []
        self.latest: list[_Seen] = []

    def look(self, frames: list[Frame]) -> list[list[_Seen]]:
        """Returns what is seen on each of some frames."""
        if not frames:
            return []
        model = self._model
        squares = np.stack([model.preprocess.squares(each.pixels, model.views) for each in frames])
        rows = list(model.probabilities(squares))
        self._names += [f"{self._source} @ {each.seconds:.2f} s" for each in frames]
        self._rows += rows
        self.latest = [_Seen(rows[-1])]
        return [[_Seen(row)] for row in rows]

    def predictions(self, problem: str) -> Predictions:
        """Returns all answers, and why it ended too soon, if it did."""
        return _predictions(self._model, self._source, self._names, self._rows, None, problem)


class _Faces:
    """Answers for every face on a frame, followed from frame to frame."""

    def __init__(self, model: Watcher, source: str) -> None:
        self._model, self._source = model, source
        self._tracks = Tracks()
        self.latest: list[_Seen] = []

    def look(self, frames: list[Frame]) -> list[list[_Seen]]:
        """Returns what is seen on each of some frames."""
        model = self._model
        found = [model.preprocess.every_face(each.pixels, model.views) for each in frames]
        squares = [square for faces in found for _, square in faces]
        parts = range(0, len(squares), _BATCH)
        answers = [
            row for i in parts for row in model.probabilities(np.stack(squares[i : i + _BATCH]))
        ]
        seen: list[list[_Seen]] = []
        for frame, faces in zip(frames, found, strict=True):
            rows, answers = answers[: len(faces)], answers[len(faces) :]
            boxes = np.array([face.box for face, _ in faces]).reshape(-1, 4)
            tracks = self._tracks.update(frame.seconds, boxes, np.array(rows))
            self.latest = [_Seen(each.row, each.box, each.number) for each in tracks]
            seen.append(self.latest)
        return seen

    def predictions(self, problem: str) -> Predictions:
        """Returns one answer a face, and why it ended too soon, if it did."""
        names = [
            f"{self._source} face {each.number} ({each.begun:.2f} to {each.seen:.2f} s, "
            f"{each.looks} frame{'s' * (each.looks > 1)})"
            for each in self._tracks.all
        ]
        rows = [each.row for each in self._tracks.all]
        boxes = [each.box for each in self._tracks.all]
        return _predictions(self._model, self._source, names, rows, boxes, problem)


def _predictions(
    model: Watcher,
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
    return Predictions(found, model.classes, tuple(names), None, errors, places, model.scale)


class _Output:
    """The file that is written beside, whole in the end or not at all; lines as they come."""

    def __init__(self, path: Path | None, kind: str, rate: float) -> None:
        self._path = path
        self._lines: TextIO | None = None
        self._movie: Writer | None = None
        self._building: Path | None = None
        if path is None:
            return
        if path.exists():
            raise OutputError(f"{path} is there already: choose another -o, or remove it")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind in _LINES:
                self._lines = path.open("w", encoding="utf-8", buffering=1)
            else:
                handle, name = tempfile.mkstemp(dir=path.parent, suffix=kind)
                os.close(handle)
                self._building = Path(name)
                self._movie = Writer(self._building, rate=rate)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._movie is not None and self._building is not None and self._path is not None:
            self._movie.close()
            if kind is None and self._building.stat().st_size:
                self._building.chmod(0o644)
                self._building.replace(self._path)
            else:
                self._building.unlink(missing_ok=True)

    def line(self, seconds: float, seen: _Seen, model: Watcher) -> None:
        """Writes one answer as a line of JSON."""
        if self._lines is None:
            return
        value: dict[str, Any] = {"seconds": round(seconds, 3)}
        if seen.box is not None:
            value |= {"face": seen.track, "box": [round(float(each), 1) for each in seen.box]}
        value |= fields(seen.row, model)
        value["probability"] = round(value["probability"], 5)
        value["probabilities"] = {
            name: round(share, 5) for name, share in value["probabilities"].items()
        }
        try:
            self._lines.write(json.dumps(value, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from None

    def frame(self, pixels: np.ndarray, latest: list[_Seen], model: Watcher) -> None:
        """Writes a frame with the latest answers on it."""
        if self._movie is None:
            return
        if model.preprocess.faces is not None:
            shown = [
                (each.box, each.row, f"{each.track}: ") for each in latest if each.box is not None
            ]
            pixels = draw(pixels, shown, model)
        elif latest:
            pixels = _labelled(pixels, words(latest[0].row, model)[0])
        self._movie.add(pixels)


def _labelled(pixels: np.ndarray, text: str) -> np.ndarray:
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    size = max(10, round(min(image.size) / 16))
    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((size, size), text, font=font)
    draw.rectangle((left - size / 3, top - size / 3, right + size / 3, bottom + size / 3), "black")
    draw.text((size, size), text, fill="white", font=font)
    return np.asarray(image)
