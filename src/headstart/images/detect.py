"""Finding faces: boxes and five landmarks, by YuNet through OpenCV.

A detector is a function from pixels to `Face`s, so others fit. YuNet (Wu, Peng and Yu, 2023)
has 75,000 weights and finds faces of about 10 to 300 pixels; larger ones are found at a smaller
scale, and photos that lie on their side by turning them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from PIL import Image

from headstart.errors import BackboneError, DataError
from headstart.fingerprint import fingerprint_bytes

__all__ = [
    "Detector",
    "Face",
    "detector_content",
    "register_detector",
    "open_detector",
    "read_detector",
]

_SIDE = 640
_SMALL = 320
# Faces are found lying and upside down too, with points in wrong places and less surely: of 240
# photographs every one scored highest upright, at least 0.90, and upside down 0.92 at most. Below
# the first figure the photo is turned; what only then appears must be as sure as the second.
_UPRIGHT, _TURNED = 0.91, 0.85
_OVERLAP = 0.3
_MOST = 200
# Detectors that came inside a deployed model: fingerprint -> the file's content.
_KEPT: dict[str, bytes] = {}
_local = threading.local()


@dataclass(frozen=True)
class Face:
    """One face on a photo, in pixels of the upright photo.

    Attributes:
        box: (4,) float32: left, top, width, height; may reach over the edge.
        points: (5, 2) float32 x, y: the eye, nose and mouth corners, left to right as seen on the
            photo: eye, eye, nose, corner, corner.
        score: Of the detector, 0 to 1.
        turned: Quarter turns anticlockwise after which it was found.
    """

    box: np.ndarray
    points: np.ndarray
    score: float
    turned: int = 0

    @property
    def side(self) -> float:
        """The shorter side of its box in pixels."""
        return float(min(self.box[2:]))

    @property
    def roll(self) -> float:
        """Degrees by which the line of the eyes falls to the right."""
        x, y = self.points[1] - self.points[0]
        return float(np.degrees(np.arctan2(y, x)))

    @property
    def yaw(self) -> float:
        """How far the head is turned, -1 to 1: 0 looks ahead, from 0.35 on it is half a profile.

        The nose's way from the middle between the eyes, along their line and in halves of
        their distance.
        """
        line = self.points[1] - self.points[0]
        middle = (self.points[0] + self.points[1]) / 2
        half = float(np.linalg.norm(line)) / 2
        along = float((self.points[2] - middle) @ line) / max(2 * half, 1e-6)
        return float(np.clip(along / max(half, 1e-6), -1, 1))


class Detector(Protocol):
    """What finds faces."""

    def __call__(self, pixels: np.ndarray) -> list[Face]:
        """Returns the faces of one photo, the surest first.

        Args:
            pixels: (H, W, 3) uint8 RGB.
        """


class _YuNet:
    """YuNet by OpenCV; not to be shared between threads.

    Args:
        weights: Content of the ONNX file.
        min_score: Score below which a face is none.

    Raises:
        BackboneError: If it is not such a file.
    """

    def __init__(self, weights: bytes, min_score: float) -> None:
        cv2 = _cv2()
        cv2.setNumThreads(1)  # photos are decoded side by side already
        self._min_score = min_score
        try:
            self._net: Any = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(weights, np.uint8), np.zeros(0, np.uint8), (_SMALL, _SMALL),
                min_score, _OVERLAP, _MOST,
            )  # fmt: skip
            self._net.setInputSize((64, 64))
            self._net.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            text = " ".join(str(error).split())[-160:]
            raise BackboneError(f"the detector is not YuNet in ONNX, or damaged: {text}") from None

    def __call__(self, pixels: np.ndarray) -> list[Face]:
        long = max(pixels.shape[:2])
        found = self._at(pixels, min(1.0, _SIDE / long))
        if not found and long > _SMALL:  # a face that fills a large photo
            found = self._at(pixels, _SMALL / long)
        best, way = max((each.score for each in found), default=0.0), 0
        # Which way is up is told at a small scale, for a quarter of the time.
        for turned in () if best >= _UPRIGHT else (1, 2, 3):
            faces = self._at(_turn(pixels, turned), min(1.0, _SMALL / long))
            top = faces[0].score if faces else 0.0
            if top > max(best, _TURNED):
                best, way, found = top, turned, faces
        if way:
            found = self._at(_turn(pixels, way), min(1.0, _SIDE / long)) or found
            found = [_turn_back(each, way, pixels.shape[:2]) for each in found]
        return sorted(found, key=lambda face: -face.score)

    def _at(self, pixels: np.ndarray, scale: float) -> list[Face]:
        height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
        if scale < 1:
            image = Image.fromarray(pixels)
            pixels = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        self._net.setInputSize((width, height))
        _, rows = self._net.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
        if rows is None:
            return []
        rows = rows[np.isfinite(rows).all(axis=1)]
        rows = rows[np.argsort(-rows[:, 14])]
        return [
            Face(row[:4] / scale, row[4:14].reshape(5, 2) / scale, float(min(row[14], 1.0)))
            for row in np.asarray(rows, np.float32)
            if row[2] > 0 and row[3] > 0
        ]


def _turn(pixels: np.ndarray, turned: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(pixels, turned))


def _turn_back(face: Face, turned: int, shape: tuple[int, ...]) -> Face:
    """Returns a face that was found on `np.rot90(photo, turned)` in the photo's own pixels."""
    height, width = shape[:2]
    left, top, wide, high = face.box
    corners = np.array([[left, top], [left + wide, top + high], *face.points], np.float32)
    x, y = corners.T
    if turned == 1:
        x, y = width - y, x
    elif turned == 2:
        x, y = width - x, height - y
    else:
        x, y = y, height - x
    (a, c), (b, d) = sorted(x[:2]), sorted(y[:2])
    points = np.stack([x[2:], y[2:]], axis=1)
    return Face(np.array([a, b, c - a, d - b], np.float32), points, face.score, turned)


def open_detector(file: str, fingerprint: str, *, min_score: float) -> Detector:
    """Returns this thread's own detector.

    Args:
        file: The ONNX file; not looked at where `register_detector` knows its content.
        fingerprint: Of its content, hexadecimal.
        min_score: Score below which a face is none.

    Raises:
        BackboneError: If the file is gone or another one, or is no detector.
        DataError: If OpenCV is missing.
    """
    known: dict[tuple[str, float], Detector] = _local.__dict__.setdefault("detectors", {})
    if (fingerprint, min_score) not in known:
        known[fingerprint, min_score] = _YuNet(detector_content(file, fingerprint), min_score)
    return known[fingerprint, min_score]


def detector_content(file: str, fingerprint: str) -> bytes:
    """Returns a detector's content: what is kept under its fingerprint, or the file's.

    Raises:
        BackboneError: If the file is gone, or another one than the fingerprint says.
    """
    content = _KEPT.get(fingerprint)
    if content is None:
        content = read_detector(file)
        if fingerprint_bytes(content).hex() != fingerprint:
            raise BackboneError(
                f"{file} is not the face detector that this model was trained with: copy the "
                f"model's folder anew, or train again"
            )
    return content


def read_detector(file: str | Path) -> bytes:
    """Reads a detector's file.

    Raises:
        BackboneError: If it cannot be read.
    """
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise BackboneError(
            f"{file}: the face detector cannot be read ({error.strerror or error})"
        ) from None


def register_detector(content: bytes) -> str:
    """Keeps a detector that came inside a model; returns its fingerprint, hexadecimal."""
    fingerprint = fingerprint_bytes(content).hex()
    _KEPT[fingerprint] = content
    return fingerprint


def _cv2() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise DataError(
            f"finding faces needs OpenCV ({error}): pip install 'headstart[faces]'"
        ) from None
    # It speaks of its own innards on standard error.
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    if logging:
        logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    return cv2
