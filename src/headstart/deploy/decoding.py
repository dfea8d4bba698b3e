"""The process that decodes for the server, one image at a time.

A thread cannot be ended, so what a hostile file makes of a decoder (minutes of work, a crash)
happens here, where it costs one image and one process. `deploy.decoders` starts it and ends it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from headstart.errors import HeadstartError, ImageError
from headstart.images.detect import register_detector
from headstart.images.given import sized_inputs_of
from headstart.images.photo import every_face_of
from headstart.images.preprocess import Preprocess
from headstart.images.views import side_by_side

__all__ = ["Seen", "decode_given", "place_of", "put_frame", "seen_of", "take_frame", "warm_up"]

Seen = tuple[np.ndarray, np.ndarray]
"""What is to be named: (4,) box in pixels of the image and (V, size, size, 3) uint8 inputs."""

# Of a crowd so many faces are named, those first that stand for the photo.
_FACES = 50
_LENGTHS = struct.Struct(">IQ")


def seen_of(data: bytes, preprocess: Preprocess, tta: int, pixels: int) -> list[Seen]:
    """Returns what is to be named of one image: all of it, or the faces on it.

    Args:
        data: The file's bytes.
        preprocess: How it is fitted.
        tta: V, how many views the model averages.
        pixels: Larger images are refused by their header.

    Raises:
        ImageError: If it cannot be read, or shows no face where one is wanted.
    """
    if preprocess.faces is None:
        inputs, (width, height) = sized_inputs_of(data, preprocess, tta, max_pixels=pixels)
        return [(np.array((0, 0, width, height), np.float32), inputs)]
    photo = every_face_of(preprocess, tta, data, max_pixels=pixels)
    return [(photo.ratio * face.box, inputs) for face, inputs in photo.faces[:_FACES]]


def warm_up(preprocess: Preprocess, tta: int) -> None:
    """Looks at one small image, so that the first somebody sends waits for no import.

    Raises:
        HeadstartError: If no image could be looked at: OpenCV is missing, for one.
    """
    with contextlib.suppress(ImageError):  # a grey square has no face
        seen_of(b"P5 64 64 255\n" + bytes(64 * 64), preprocess, tta, 1 << 16)


def place_of(error: BaseException) -> str:
    """Returns where an exception was raised, as `room/module.py:line`; nothing of its words."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    place = Path(frames[-1].filename)
    return f"{place.parent.name}/{place.name}:{frames[-1].lineno}"


# --- what goes through the pipes ------------------------------------------------------------


def put_frame(stream: IO[bytes], head: dict[str, Any], content: bytes | memoryview = b"") -> None:
    """Writes a record and bytes.

    Raises:
        OSError: If nobody reads there any more.
    """
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), len(content)) + text)
    stream.write(content)
    stream.flush()


def take_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Reads what `put_frame` wrote.

    Raises:
        EOFError: If the other end is gone.
    """
    text, content = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    head = json.loads(_exactly(stream, text))
    return head, _exactly(stream, content)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content


# --- the process ----------------------------------------------------------------------------


def decode_given() -> None:
    """Decodes what comes on standard input until that ends."""
    # It ends with the server, which may have answers to give when it is told to stop.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Whatever a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    with contextlib.suppress(EOFError, OSError):  # the server has gone
        settings, detector = take_frame(questions)
        warnings.filterwarnings("ignore")
        preprocess = Preprocess.from_json(settings["preprocess"])
        if detector:
            register_detector(detector)
        warm_up(preprocess, settings["tta"])
        put_frame(answers, {"ready": True})
        # Speech of libraries about damaged files would fill somebody's disk.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        while True:
            _, data = take_frame(questions)
            with _at_most(settings["seconds"]):
                head, content = _answer(data, preprocess, settings["tta"], settings["pixels"])
            put_frame(answers, head, content)


def _answer(
    data: bytes, preprocess: Preprocess, tta: int, pixels: int
) -> tuple[dict[str, Any], bytes | memoryview]:
    try:
        seen = seen_of(data, preprocess, tta, pixels)
    except (HeadstartError, MemoryError) as error:
        return {"error": str(error) or "too large for the memory of this machine"}, b""
    except Exception as error:  # our bug: told with its place, and the next image is looked at
        return {"fault": type(error).__name__, "place": place_of(error)}, b""
    views = len(seen[0][1])
    # Views of what is seen tile by tile are the one square: it goes through the pipe once.
    inputs = side_by_side([each[: 1 if preprocess.tile else None] for _, each in seen])
    boxes = [[float(value) for value in box] for box, _ in seen]
    return {"boxes": boxes, "shape": inputs.shape, "views": views}, inputs.data.cast("B")


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Lets the system end this process after so many seconds of its processor time.

    Processor time is fair where other images are decoded beside; where there is no such timer,
    the server's own clock remains.
    """
    timer = getattr(signal, "setitimer", None)
    if timer is None:
        yield
        return
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    timer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        timer(signal.ITIMER_PROF, 0)
