"""Drawn faces, and a network that finds them: the real one is not ours to ship.

The stand-in takes the place of OpenCV's network only, so all around it is the real code: scales,
turned photos, choosing, alignment, crops.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

# Eyes, nose and mouth corners on a face of side 1 around its middle.
POINTS = np.array([[-0.2, -0.15], [0.2, -0.15], [0.0, 0.05], [-0.15, 0.25], [0.15, 0.25]])
_MARKS = ((250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250))
SKINS = {"pale": (225, 180, 150), "dark": (120, 75, 45)}


def find_drawn_faces(patch: pytest.MonkeyPatch) -> None:
    """Lets all detectors that are made from now on find drawn faces."""
    import cv2

    from headstart.images import detect

    patch.setattr(cv2.FaceDetectorYN, "create", DrawnFaceNet)
    patch.setattr(detect, "_local", detect.threading.local())


def photo(
    faces: list[tuple[float, float, float, str]],
    *,
    size: tuple[int, int] = (160, 120),
    seed: int = 0,
    angle: float = 0.0,
) -> Image.Image:
    """Draws a photo.

    Args:
        faces: (x, y, side, skin) of each.
        size: Width and height in pixels.
        seed: Of the noise behind.
        angle: Degrees by which every face leans to the right.
    """
    rng = np.random.default_rng(seed)
    grey = rng.integers(90, 160, (size[1], size[0], 1), np.uint8)
    image = Image.fromarray(np.repeat(grey, 3, axis=2))
    pen = ImageDraw.Draw(image)
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for x, y, side, skin in faces:
        half, dot = side / 2, side / 14
        pen.ellipse((x - half, y - half, x + half, y + half), fill=SKINS[skin])
        for (px, py), colour in zip(POINTS @ matrix.T * side + (x, y), _MARKS, strict=True):
            pen.ellipse((px - dot, py - dot, px + dot, py + dot), fill=colour)
    return image


class DrawnFaceNet:
    """What `cv2.FaceDetectorYN.create` gives, for drawn faces of 10 to 400 pixels, upright."""

    def __init__(self, *given: object) -> None:
        self._size = (0, 0)

    def setInputSize(self, size: tuple[int, int]) -> None:
        self._size = size

    def detect(self, bgr: np.ndarray) -> tuple[int, np.ndarray | None]:
        from scipy import ndimage

        assert bgr.shape[1::-1] == self._size
        rgb = bgr[:, :, ::-1].astype(int)
        red, green, blue = np.moveaxis(rgb, 2, 0)
        face = (red - green > 25) & (red - green < 70) & (green - blue > 12) & (green - blue < 60)
        rows = []
        for place in ndimage.find_objects(ndimage.label(ndimage.binary_closing(face))[0]):
            top, left = place[0].start, place[1].start
            height, width = place[0].stop - top, place[1].stop - left
            if min(width, height) < 10 or max(width, height) > 400:
                continue
            points = []
            for colour in _MARKS:
                near = (np.abs(rgb[place] - colour) < 70).all(axis=2)
                if not near.any():
                    break
                y, x = np.argwhere(near).mean(axis=0)
                points += [left + x, top + y]
            across = points[2] - points[0] if len(points) == 10 else 0
            if across <= 0 or abs(points[3] - points[1]) > across:
                continue  # it lies on its side, or upside down
            rows.append([left, top, width, height, *points, 0.95])
        return 1, np.array(rows, np.float32) if rows else None


def detector_file(folder: Path) -> Path:
    """Writes a file that stands for a detector's weights."""
    file = folder / "drawn.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"drawn faces")
    return file
