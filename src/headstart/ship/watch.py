"""A model on a video or a camera: an answer a frame, and the video with the answers on it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.data.preprocess import Preprocess
from headstart.data.video import Frame, Video, Writer
from headstart.errors import OptionError, OutputError
from headstart.records import Predictions

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
        One row a named frame. A video that ends too soon, or a camera that goes, leaves a last row
        with the reason; the rows before are kept.

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
    names: list[str] = []
    rows: list[np.ndarray] = []
    errors: dict[str, str] = {}
    with _Output(out, kind, video.rate) as output:
        waiting: list[Frame] = []

        def answer() -> None:
            if not waiting:
                return
            squares = np.stack(
                [model.preprocess.squares(frame.pixels, model.views) for frame in waiting]
            )
            for frame, row in zip(waiting, model.probabilities(squares), strict=True):
                names.append(f"{source} @ {frame.seconds:.2f} s")
                rows.append(row)
                output.line(frame.seconds, row, model)
            waiting.clear()

        try:
            for frame in video:
                if frame.chosen:
                    waiting.append(frame)
                # The answer must be on the very frame, and of a camera it is wanted at once.
                if kind in _MOVIES or not video.total or len(waiting) == _BATCH:
                    answer()
                output.frame(frame.pixels, rows[-1] if rows else None, model)
                done, total = int(10 * frame.seconds), int(10 * video.total)
                progress("watching", min(done, total or done), total or done + 1)
            answer()
        except KeyboardInterrupt:
            if video.total:
                raise
            answer()  # that is how a camera is ended
    if video.problem:
        names.append(f"{source} (end)")
        rows.append(np.full(len(model.classes), np.nan))
        errors[names[-1]] = video.problem
    found = np.stack(rows) if rows else np.empty((0, len(model.classes)))
    return Predictions(found.astype(np.float32), model.classes, tuple(names), None, errors)


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

    def line(self, seconds: float, row: np.ndarray, model: Watcher) -> None:
        """Writes one answer as a line of JSON."""
        if self._lines is None:
            return
        best = int(row.argmax())
        value = {
            "seconds": round(seconds, 3),
            "class": model.classes[best],
            "probability": round(float(row[best]), 5),
            "sure": bool(row[best] >= model.threshold),
            "probabilities": {
                name: round(float(each), 5) for name, each in zip(model.classes, row, strict=True)
            },
        }
        try:
            self._lines.write(json.dumps(value, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from None

    def frame(self, pixels: np.ndarray, row: np.ndarray | None, model: Watcher) -> None:
        """Writes a frame with the latest answer on it."""
        if self._movie is None:
            return
        if row is not None:
            best = int(row.argmax())
            sure = row[best] >= model.threshold
            text = f"{model.classes[best]} {100 * row[best]:.0f} %" if sure else "not sure"
            pixels = _labelled(pixels, text)
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
