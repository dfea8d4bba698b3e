"""What frames come out of: a video file, a camera, or a stream at an address; OpenCV opens it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

from headstart.data.files.paths import address_scheme, is_image_name
from headstart.errors import DataError

__all__ = [
    "FilmSource",
    "film_backend",
    "load_cv2",
    "name_of_source",
    "open_capture",
    "quiet_cv2",
    "source_of",
]

_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts"}
_STREAMS = {"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "srt", "rtp", "mms"}
_CAMERA = 3  # digits at most
_DEVICE = re.compile(r"/dev/video\d+")
_PATIENCE = 10  # seconds for a stream to answer
_QUIET = "-8"  # FFmpeg's word for no lines of its own at all


@dataclass(frozen=True)
class FilmSource:
    """Where frames come from.

    Attributes:
        kind: A camera and a stream go on until somebody ends them.
        where: What OpenCV is given.
        name: What people are shown; never a password.
    """

    kind: Literal["file", "camera", "stream"]
    where: str | int
    name: str


def source_of(given: str | Path | int) -> FilmSource | None:
    """Tells what a name means, or None where it is neither video nor camera nor stream.

    Args:
        given: A file, the number or the device of a camera, or an address. A number in text is a
            file or folder where one is called so.
    """
    if isinstance(given, int):
        return None if isinstance(given, bool) else FilmSource("camera", given, str(given))
    text = os.fspath(given)
    if text.isdecimal() and len(text) <= _CAMERA and not Path(text).exists():
        return FilmSource("camera", int(text), text)
    if text.startswith("/dev/") and _DEVICE.fullmatch(os.path.realpath(text)):
        return FilmSource("camera", text, text)
    if scheme := address_scheme(text):
        is_one = scheme in _STREAMS and not is_image_name(urlsplit(text).path)
        return FilmSource("stream", text, _without_password(text)) if is_one else None
    return FilmSource("file", text, text) if Path(text).suffix.lower() in _SUFFIXES else None


def name_of_source(given: str | Path | int) -> str:
    """Returns what a source is called in answers."""
    found = source_of(given)
    return found.name if found is not None else str(given)


def _without_password(address: str) -> str:
    """Names of answers are printed, written and sent on; who logs in is nobody's business."""
    before, _, after = address.partition("://")
    place, slash, rest = after.partition("/")
    return f"{before}://{place.rpartition('@')[2]}{slash}{rest}"


def load_cv2() -> ModuleType:
    """Imports OpenCV.

    Raises:
        DataError: If it is not installed.
    """
    # Read when the first film is opened: FFmpeg would write its own lines on standard error.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _QUIET)
    try:
        import cv2
    except ImportError as error:
        raise DataError(
            f"videos and cameras need OpenCV ({error}): pip install 'headstart[video]'"
        ) from None
    return cv2


def open_capture(source: FilmSource) -> Any:
    """Returns an open `cv2.VideoCapture`.

    Raises:
        DataError: If it cannot be opened, or OpenCV is missing.
    """
    cv2 = load_cv2()
    if source.kind == "file" and not Path(str(source.where)).is_file():
        raise DataError(f"{source.name}: there is no such video")
    if source.kind == "camera" and isinstance(source.where, int) and source.where < 0:
        raise DataError(f"camera {source.where}: cameras are counted from 0")
    with quiet_cv2(cv2):
        if source.kind == "stream":
            wait = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 1000 * _PATIENCE,
                    cv2.CAP_PROP_READ_TIMEOUT_MSEC, 1000 * _PATIENCE]  # fmt: skip
            capture = cv2.VideoCapture(source.where, cv2.CAP_FFMPEG, wait)
        elif source.kind == "file":
            capture = cv2.VideoCapture(source.where, film_backend(cv2))
        else:
            capture = cv2.VideoCapture(source.where)
        opened = capture.isOpened()
    if not opened:
        raise DataError({
            "file": f"{source.name} is not a video that OpenCV can read",
            "camera": f"camera {source.name} cannot be opened by OpenCV: is it plugged in, and "
            f"does no other program hold it?",
            "stream": f"{source.name} cannot be opened by OpenCV: is the address right, and does "
            f"it answer within {_PATIENCE} s?",
        }[source.kind])  # fmt: skip
    return capture


def film_backend(cv2: ModuleType) -> int:
    """Returns what reads films: FFmpeg where there is one; OpenCV's own readers print oddities."""
    has = cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends()
    return int(cv2.CAP_FFMPEG if has else cv2.CAP_ANY)


@contextlib.contextmanager
def quiet_cv2(cv2: ModuleType) -> Iterator[None]:
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
