"""Frames out of a video file, a camera or a stream, a few a second, and frames into a video.

Time is what the container says of each frame, never its number over an average rate: phones in dim
light and recorders of screens change their rate as they go.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.errors import DataError
from headstart.images.capture import film_backend, load_cv2, open_capture, quiet_cv2, source_of

__all__ = ["Frame", "Video", "Writer", "is_video"]

_log = logging.getLogger(__name__)

# Where neither the source nor its frames say how many there are a second.
_USUAL = 25.0
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


def is_video(name: str | Path | int) -> bool:
    """Tells whether a name means a video file, a camera or a stream."""
    return source_of(name) is not None


class _Choice:
    """Which moments of a film are looked at: at equal times, whatever its frames do.

    A frame that stands longer than that is looked at again: it is what the film shows.
    """

    def __init__(self, fps: float, rate: float) -> None:
        self._apart, self._step = 1 / fps, max(1 / fps, 1 / rate)
        self._frame = 1 / rate
        # A film with fewer frames a second gives all; else moments lie on a grid from 0 on.
        self._grid = fps <= rate
        self._due = self._again = 0.0
        self._begun = False

    def standing(self, until: float) -> Iterator[float]:
        """Yields the moments up to `until` at which the frame before is looked at again."""
        while self._begun and self._again < until - 0.5 * self._frame:
            at = self._again
            self._take(at)
            yield at

    def wants(self, seconds: float, gap: float, *, live: bool) -> bool:
        """Tells whether a new frame is looked at.

        Args:
            seconds: When.
            gap: Since the frame before.
            live: Whether what was missed is gone.
        """
        # Half a frame early is nearer than half a frame late.
        if seconds < self._due - 0.5 * min(self._frame, gap):
            return False
        self._take(seconds)
        if live:
            self._due = max(self._due, seconds)
        return True

    def _take(self, at: float) -> None:
        self._begun = True
        if self._grid:
            self._due = self._again = self._due + self._apart
        else:
            self._due, self._again = at + self._apart, at + self._step


class Video:
    """A video file, camera or stream, as an iterable of frames.

    Args:
        source: A file, the number or device of a camera, or an address.
        fps: Frames a second that are chosen; a video with fewer gives all.
        every: Give the frames between them too.

    Attributes:
        name: What it is called; without the password of an address.
        live: Whether it goes on until it is ended: a camera, or a stream that has no end.
        rate: Frames a second of the source, on average.
        total: Seconds it says it has; 0 where that is unknown.
        problem: Why it ended before its end, or ``""``; set once it has ended.

    Raises:
        DataError: If it cannot be opened, or OpenCV is missing.
    """

    def __init__(self, source: str | Path | int, *, fps: float, every: bool = False) -> None:
        found = source_of(source)
        if found is None:
            raise DataError(f"{source}: there is no such video")
        self._cv2, self._source, self._capture = load_cv2(), found, open_capture(found)
        self._fps, self._every = fps, every
        self.name, self.problem = found.name, ""
        known = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        self.rate = known if 0 < known < 1000 else _USUAL
        frames = self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
        count = 0 if found.kind == "camera" or not frames > 0 else int(frames)
        self.live = found.kind == "camera" or (found.kind == "stream" and not count)
        self._count = count
        self.total = count / self.rate
        self._number, self._counted, self._longest = 0, 0, 1 / self.rate
        self._seconds = 0.0

    def __iter__(self) -> Iterator[Frame]:
        """Yields frames until the source ends; a camera ends when it is unplugged."""
        try:
            with quiet_cv2(self._cv2):
                yield from self._frames()
        finally:
            self._capture.release()
        if self._counted > self._number // 2:
            _log.warning(
                "%s does not say when its frames are shown: they are counted, %.4g a second",
                self.name, self.rate,
            )  # fmt: skip

    def _frames(self) -> Iterator[Frame]:
        choice, begun = _Choice(self._fps, self.rate), time.monotonic()
        before: np.ndarray | None = None
        keep = self._every
        while self._capture.grab():
            now = time.monotonic() - begun if self.live else self._said()
            gap = now - self._seconds if self._number else math.inf
            for at in () if self.live else choice.standing(now):
                if before is None:
                    # The first that stands for long; such films have more, and are kept from now.
                    before, keep = self._again(self._number), True
                if before is not None:
                    yield Frame(at, before, True)
            if self._number:
                self._longest = max(self._longest, gap)
            self._seconds, self._number, before = now, self._number + 1, None
            chosen = choice.wants(now, gap, live=self.live)
            if not (chosen or keep):
                continue
            good, pixels = self._capture.retrieve()
            if not good:
                break
            before = np.ascontiguousarray(pixels[:, :, ::-1])
            if chosen or self._every:
                yield Frame(now, before, chosen)
        self.problem = self._ending()
        if not self.problem and before is not None:
            # No longer than any other frame stood: a container may say any length.
            end = min(self.total, self._seconds + self._longest)
            for at in choice.standing(end):
                yield Frame(at, before, True)

    def _said(self) -> float:
        """Returns when the frame is shown; where that is not said, one frame after the last."""
        said = float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000
        if not self._number:
            return said if math.isfinite(said) and said > 0 else 0.0
        if math.isfinite(said) and said > self._seconds:
            return said
        self._counted += 1
        return self._seconds + 1 / self.rate

    def _again(self, count: int) -> np.ndarray | None:
        """Returns the last of so many frames, decoded anew; None where it does not come again."""
        capture = open_capture(self._source)
        try:
            if not all(capture.grab() for _ in range(count)):
                return None
            good, pixels = capture.retrieve()
            return np.ascontiguousarray(pixels[:, :, ::-1]) if good else None
        finally:
            capture.release()

    def _ending(self) -> str:
        """Says why it ended before its end, or nothing."""
        if self.live:
            return f"the {self._source.kind} gave no more frames"
        if not self._number and not self._count:
            return "it holds no frame that can be read"
        # Frames are counted wrongly where the rate changes, seconds where the last frame stands.
        reached = self._seconds + 1 / self.rate if self._number else 0.0
        short = reached + max(self._longest, _MISSING / self.rate) < self.total
        if self._number < self._count - _MISSING and short:
            return (
                f"damaged: it ends after {self._number:,} of {self._count:,} frames "
                f"({reached:.1f} of {self.total:.1f} s)"
            )
        return ""


class Writer:
    """Writes frames as a video of a constant rate that keeps their times.

    Args:
        path: Ending in `.mp4` or `.avi`.
        rate: Frames a second.

    Raises:
        DataError: If it cannot be written.
    """

    def __init__(self, path: Path, *, rate: float) -> None:
        self._path, self._rate, self._cv2 = path, rate, load_cv2()
        self._writer: Any = None
        self._size = (0, 0)
        # The frame that is shown, and since which place of the film.
        self._shown: np.ndarray | None = None
        self._place = self._frames = 0

    def add(self, pixels: np.ndarray, seconds: float | None = None) -> None:
        """Appends one frame.

        Args:
            pixels: (H, W, 3) uint8 RGB; of another size than the first it is fitted to that.
            seconds: When it is shown: the frame before stays until then. By default one frame
                after the one before.
        """
        if self._shown is None:
            self._open(pixels)
            place = 0
        else:
            place = self._place + 1 if seconds is None else round(seconds * self._rate)
            self._fill(place)
        self._shown, self._place = pixels, max(self._place, place)

    def close(self) -> None:
        """Ends the file.

        Raises:
            DataError: If it does not hold what was written: OpenCV says nothing of a full disk.
        """
        if self._writer is None:
            return
        self._fill(self._place + 1)
        self._writer.release()
        with quiet_cv2(self._cv2):
            written = self._cv2.VideoCapture(os.fspath(self._path), film_backend(self._cv2))
            held = written.get(self._cv2.CAP_PROP_FRAME_COUNT) if written.isOpened() else 0
            written.release()
        if held < self._frames:
            raise DataError(
                f"{self._path} cannot be written whole ({held:,.0f} of {self._frames:,} frames): "
                f"is the disk full?"
            )

    def _fill(self, until: int) -> None:
        """Writes the frame that is shown, up to a place of the film."""
        assert self._shown is not None
        for _ in range(self._place, until):
            image = np.ascontiguousarray(self._shown[:, :, ::-1])
            if image.shape[1::-1] != self._size:  # OpenCV would drop it without a word
                image = self._cv2.resize(image, self._size)
            self._writer.write(image)
            self._frames += 1

    def _open(self, pixels: np.ndarray) -> None:
        cv2, (height, width) = self._cv2, pixels.shape[:2]
        self._size = (width, height)
        code = cv2.VideoWriter_fourcc(*("MJPG" if self._path.suffix == ".avi" else "mp4v"))
        with quiet_cv2(cv2):
            self._writer = cv2.VideoWriter(os.fspath(self._path), code, self._rate, self._size)
        if not self._writer.isOpened():
            raise DataError(f"{self._path} cannot be written: choose another place, or .avi")
