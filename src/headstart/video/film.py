"""A video or a camera, looked at a few times a second; lines or the video with the answers beside.

What handles the frames is another's business: `predict_video` for a model, `GalleryFaces` for a
gallery.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.compute import Progress
from headstart.errors import DataError, OptionError, OutputError
from headstart.images.video import Frame, Video, Writer
from headstart.output import parents_made
from headstart.video.people import draw_faces

__all__ = ["BATCH", "FrameHandler", "FrameResult", "process_video"]

_MOVIES = {".mp4", ".avi"}
_LINES = {".jsonl", ".ndjson"}
_SMOOTH = 10.0  # frames a second
BATCH = 8
"""Frames that are looked at together, where nobody waits for the answer."""


@dataclass(frozen=True)
class FrameResult:
    """What is said of a frame, or of a face on it.

    Attributes:
        text: For people, drawn on the frame.
        sure: Whether it is an answer, or that there is none.
        line: What a line of JSON says of it.
        box: (4,) of the face; None for whole frames.
        draw: (H, W, 3) uint8 frame -> the same with the answer drawn on it, where an answer is
            more than its text.
    """

    text: str
    sure: bool
    line: dict[str, Any]
    box: np.ndarray | None = None
    draw: Callable[[np.ndarray], np.ndarray] | None = None


class FrameHandler(Protocol):
    """What is asked about frames.

    Attributes:
        latest: What was seen on the last frame.
    """

    latest: list[FrameResult]

    def handle(self, frames: list[Frame]) -> list[list[FrameResult]]:
        """Returns what is seen on each of some frames."""


def process_video(
    source: str | int,
    handler: FrameHandler,
    *,
    fps: float,
    out: Path | None,
    progress: Progress,
) -> str:
    """Gives a handler a few frames a second, and writes what it sees.

    Args:
        source: A video file, a camera or a stream.
        handler: What answers.
        fps: Frames a second to look at.
        out: A `.jsonl` file that gets a line an answer as it comes, or an `.mp4` or `.avi` file
            that gets every frame with the latest answers on it.
        progress: Called as seconds go by.

    Returns:
        Why it ended before its end, or ``""``. A camera also ends by Ctrl-C.

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
    with _Output(out, kind, _steady(video.rate)) as output:
        waiting: list[Frame] = []

        def answer() -> None:
            if waiting:
                for frame, found in zip(waiting, handler.handle(waiting), strict=True):
                    for each in found:
                        output.line(frame.seconds, each)
            waiting.clear()

        try:
            for frame in video:
                if frame.chosen:
                    waiting.append(frame)
                # The answer must be on the very frame, and of a camera it is wanted at once.
                if kind in _MOVIES or video.live or len(waiting) == BATCH:
                    answer()
                output.frame(frame, handler.latest)
                done, total = int(10 * frame.seconds), int(10 * video.total)
                progress("watching", min(done, total or done), total or done + 1)
            answer()
        except KeyboardInterrupt:
            if not video.live:
                raise
            answer()  # that is how a camera is ended
    return video.problem


def _steady(rate: float) -> float:
    """Returns the rate of a written film: a multiple of the source's where that is slow.

    A film that is slow on average may have quick stretches, whose frames need room.
    """
    return rate * math.ceil(_SMOOTH / rate) if rate < _SMOOTH else rate


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
        self._home = contextlib.ExitStack()
        try:
            self._home.enter_context(parents_made(path))
            if kind in _LINES:
                self._lines = path.open("w", encoding="utf-8", buffering=1)
            else:
                handle, name = tempfile.mkstemp(dir=path.parent, suffix=kind)
                os.close(handle)
                self._building = Path(name)
                self._movie = Writer(self._building, rate=rate)
        except OSError as error:
            self._home.__exit__(*sys.exc_info())
            raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._movie is not None and self._building is not None and self._path is not None:
            try:
                self._end(self._movie, self._building, self._path, whole=kind is None)
            finally:
                self._building.unlink(missing_ok=True)
        if self._path is not None:
            self._home.__exit__(kind, error, trace)

    @staticmethod
    def _end(movie: Writer, building: Path, place: Path, *, whole: bool) -> None:
        try:
            movie.close()
        except DataError as error:
            if whole:
                raise OutputError(str(error).replace(str(building), str(place))) from None
        if whole and building.stat().st_size:
            building.chmod(0o644)
            building.replace(place)

    def line(self, seconds: float, seen: FrameResult) -> None:
        """Writes one answer as a line of JSON."""
        if self._lines is None:
            return
        value = {"seconds": round(seconds, 3), **seen.line}
        try:
            self._lines.write(json.dumps(value, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from None

    def frame(self, frame: Frame, latest: list[FrameResult]) -> None:
        """Writes a frame with the latest answers on it."""
        if self._movie is None:
            return
        pixels = frame.pixels
        faces = [(each.box, each.text, each.sure) for each in latest if each.box is not None]
        if faces:
            pixels = draw_faces(pixels, faces)
        elif latest and latest[0].draw is not None:
            pixels = latest[0].draw(pixels)
        elif latest:
            pixels = _labelled(pixels, latest[0].text)
        self._movie.add(pixels, frame.seconds)


def _labelled(pixels: np.ndarray, text: str) -> np.ndarray:
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    size = max(10, round(min(image.size) / 16))
    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((size, size), text, font=font)
    draw.rectangle((left - size / 3, top - size / 3, right + size / 3, bottom + size / 3), "black")
    draw.text((size, size), text, fill="white", font=font)
    return np.asarray(image)
