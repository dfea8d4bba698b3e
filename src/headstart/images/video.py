"""Frames out of a video file or a camera, a few a second."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from headstart.errors import DataError

__all__ = ["Frame", "Video", "Writer", "is_video"]

_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts"}
_CAMERA = 3  # digits at most
# Containers count a frame or two that no decoder gives back.
_MISSING = 3


@dataclass(frozen=True)
class Frame:
    """One frame.

    Attributes:
        seconds: Since the beginning.
        pixels: (H, W, 3) uint8 RGB.
        chosen: Whether it is one of the few a second that were asked for.
    """

    seconds: float
    pixels: np.ndarray
    chosen: bool


def is_video(name: str | Path) -> bool:
    """Tells whether a name means a video file or the number of a camera."""
    text = os.fspath(name)
    if text.isdigit() and len(text) <= _CAMERA and not Path(text).exists():
        return True
    return Path(text).suffix.lower() in _SUFFIXES


def _cv2() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise DataError(
            f"videos and cameras need OpenCV ({error}): pip install 'headstart[video]'"
        ) from None
    return cv2


class Video:
    """A video file or camera, as an iterable of frames.

    Args:
        source: A file, or the number of a camera.
        fps: Frames a second that are chosen; a video with fewer gives all.
        every: Give the frames between them too.

    Attributes:
        rate: Frames a second of the source.
        total: Seconds it says it has; 0 for a camera.
        problem: Why it ended before its end, or ``""``; set once it has ended.

    Raises:
        DataError: If it cannot be opened, or OpenCV is missing.
    """

    def __init__(self, source: str | Path, *, fps: float, every: bool = False) -> None:
        cv2 = _cv2()
        text = os.fspath(source)
        self._live = text.isdigit() and not Path(text).exists()
        if not self._live and not Path(text).is_file():
            raise DataError(f"{text}: there is no such video")
        with _quiet(cv2):
            self._capture = cv2.VideoCapture(int(text) if self._live else text)
            opened = self._capture.isOpened()
        if not opened:
            what = f"camera {text} cannot be opened" if self._live else f"{text} is not a video"
            raise DataError(f"{what} that OpenCV can read")
        self._fps, self._every, self._cv2 = fps, every, cv2
        known = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = known if 0 < known < 1000 else 25.0
        self._count = 0 if self._live else int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.total = max(0, self._count) / self.rate
        self.problem = ""

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames until the source ends; a camera ends when it is unplugged."""
        begun, number, due = time.monotonic(), 0, 0.0
        try:
            with _quiet(self._cv2):
                while self._capture.grab():
                    seconds = time.monotonic() - begun if self._live else number / self.rate
                    number += 1
                    # Half a frame early is nearer than half a frame late.
                    chosen = seconds >= due - 0.5 / self.rate
                    if chosen:
                        due += 1 / self._fps
                        due = max(due, seconds) if self._live else due
                    if not chosen and not self._every:
                        continue
                    good, pixels = self._capture.retrieve()
                    if not good:
                        break
                    yield Frame(seconds, np.ascontiguousarray(pixels[:, :, ::-1]), chosen)
        finally:
            self._capture.release()
        if self._live:
            self.problem = "the camera gave no more frames"
        elif number < self._count - _MISSING:
            self.problem = (
                f"damaged: it ends after {number:,} of {self._count:,} frames "
                f"({number / self.rate:.1f} of {self.total:.1f} s)"
            )
        elif not number:
            self.problem = "it holds no frame that can be read"


class Writer:
    """Writes frames as a video.

    Args:
        path: Ending in `.mp4` or `.avi`.
        rate: Frames a second.

    Raises:
        DataError: If it cannot be written.
    """

    def __init__(self, path: Path, *, rate: float) -> None:
        self._path, self._rate, self._cv2 = path, rate, _cv2()
        self._writer: Any = None

    def add(self, pixels: np.ndarray) -> None:
        """Appends one frame, (H, W, 3) uint8 RGB, all of one size."""
        cv2 = self._cv2
        if self._writer is None:
            height, width = pixels.shape[:2]
            code = cv2.VideoWriter_fourcc(*("MJPG" if self._path.suffix == ".avi" else "mp4v"))
            with _quiet(cv2):
                self._writer = cv2.VideoWriter(
                    os.fspath(self._path), code, self._rate, (width, height)
                )
            if not self._writer.isOpened():
                raise DataError(f"{self._path} cannot be written: choose another place, or .avi")
        self._writer.write(np.ascontiguousarray(pixels[:, :, ::-1]))

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.release()


@contextlib.contextmanager
def _quiet(cv2: ModuleType) -> Iterator[None]:
    """Keeps OpenCV from writing its own lines on standard error."""
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    before = logging.getLogLevel() if logging else None
    if logging:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        if logging:
            logging.setLogLevel(before)
