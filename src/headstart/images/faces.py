"""From a photo to one upright face: detect, choose, align by five points, crop.

Part of `Preprocess`, and so of every model that was trained on faces: training, prediction,
the server and videos see the very same crops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from headstart.choices import Align
from headstart.errors import ImageError
from headstart.images.detect import Face, open_detector
from headstart.images.geometry import chain, invert
from headstart.records import is_number

__all__ = ["NO_FACE", "TEMPLATE", "Choose", "Faces", "blur", "crop_face"]

Choose = Literal["largest", "centre"]

# Where the five points of a face lie on a square of side 1: SphereFace's template (Liu et al.,
# 2017) of 96 x 112 pixels in the middle of 112 x 112, as ArcFace (Deng et al., 2019) has it too.
TEMPLATE: tuple[tuple[float, float], ...] = tuple(
    ((x + 8) / 112, y / 112)
    for x, y in (
        (30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655),
        (62.7299, 92.2041),
    )
)  # fmt: skip
NO_FACE = "no face was found on it"
"""The reason why a photo is set aside."""

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
# Sharpness is compared at one size, whatever the crop's.
_BLUR_SIDE = 112
# Around a face, in sides of it: beyond, a number is damaged.
_MOST_MARGIN = 10


@dataclass(frozen=True)
class Faces:
    """How a face is found on a photo and cut out.

    Attributes:
        detector: The detector's ONNX file.
        fingerprint: Of its content, hexadecimal.
        choose: Which of several faces stands for the photo.
        align: ``"points"``: turned and scaled so that eyes, nose and mouth lie where the template
            has them; ``"box"``: the square around the box, as it lies.
        margin: What is shown around the face, as a share of its side on each side.
        min_score: Score of the detector below which a face is none.
        template: (5, 2) x, y of eyes, nose and mouth corners on a square of side 1, left to
            right as seen, before the margin.
    """

    detector: str
    fingerprint: str
    choose: Choose = "largest"
    align: Align = "points"
    margin: float = 0.0
    min_score: float = 0.7
    template: tuple[tuple[float, float], ...] = TEMPLATE

    def find(self, pixels: np.ndarray) -> list[Face]:
        """Returns all faces of a photo, the one that stands for it first.

        Args:
            pixels: (H, W, 3) uint8 RGB.

        Raises:
            BackboneError: If the detector cannot be had.
            DataError: If OpenCV is missing.
        """
        found = open_detector(self.detector, self.fingerprint, min_score=self.min_score)(pixels)
        height, width = pixels.shape[:2]

        def rank(face: Face) -> float:
            if self.choose == "largest":
                return -float(face.box[2] * face.box[3])
            middle = face.box[:2] + face.box[2:] / 2
            return float(np.hypot(middle[0] - width / 2, middle[1] - height / 2))

        return sorted(found, key=rank)

    def chosen(self, pixels: np.ndarray) -> Face:
        """Returns the face that stands for a photo.

        Raises:
            ImageError: If there is none.
        """
        found = self.find(pixels)
        if not found:
            raise ImageError(NO_FACE)
        return found[0]

    def crop(self, pixels: np.ndarray, face: Face, size: int) -> np.ndarray:
        """Cuts a face out, (size, size, 3) uint8 RGB; see `crop_face`."""
        return crop_face(
            pixels, face, size, align=self.align, margin=self.margin, template=self.template
        )

    def matrix(self, face: Face, size: int) -> np.ndarray:
        """Returns the (2, 3) map from places on a photo to places on `crop`."""
        matrix = invert(_face_map(face, size, self.align, self.margin, self.template))
        if self.align == "box":
            # A quarter turn as `numpy.rot90` makes it.
            turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, size]])
            for _ in range(face.turned % 4):
                matrix = chain(matrix, turn)
        return matrix

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Faces:
        """Rebuilds it from `dataclasses.asdict`'s output, as read from JSON.

        Raises:
            ValueError: If a number is out of bounds, or a name unknown.
        """
        template = tuple((float(x), float(y)) for x, y in value["template"])
        read = cls(**{**value, "template": template})
        if read.choose not in get_args(Choose) or read.align not in get_args(Align):
            raise ValueError(f"faces cannot be chosen by {read.choose!r} and cut by {read.align!r}")
        if not is_number(read.margin) or not 0 <= read.margin <= _MOST_MARGIN:
            raise ValueError(f"margin must be from 0 to {_MOST_MARGIN}, got {read.margin!r}")
        if not is_number(read.min_score) or not 0 <= read.min_score <= 1:
            raise ValueError(f"min_score must be from 0 to 1, got {read.min_score!r}")
        if len(template) != 5 or not all(is_number(each) for point in template for each in point):
            raise ValueError("the template of a face must be five points of finite numbers")
        if not isinstance(read.detector, str) or not isinstance(read.fingerprint, str):
            raise ValueError("the detector of faces must be a name with a fingerprint")
        return read


def crop_face(
    pixels: np.ndarray,
    face: Face,
    size: int,
    *,
    align: Align = "points",
    margin: float = 0.0,
    template: tuple[tuple[float, float], ...] = TEMPLATE,
) -> np.ndarray:
    """Cuts one face out of a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        face: Where it is.
        size: Side of the crop in pixels.
        align: See `Faces`.
        margin: See `Faces`.
        template: See `Faces`.

    Returns:
        (size, size, 3) uint8 RGB; black where the photo ends.
    """
    crop = _warp(pixels, _face_map(face, size, align, margin, template), size)
    return np.ascontiguousarray(np.rot90(crop, face.turned)) if align == "box" else crop


def _face_map(
    face: Face, size: int, align: Align, margin: float, template: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """Returns the (2, 3) map from places on a crop, before it is turned, to those on the photo."""
    if align == "points":
        goal = ((np.asarray(template) - 0.5) / (1 + 2 * margin) + 0.5) * size
        return _similarity(goal, face.points)
    side = float(max(face.box[2:])) * (1 + 2 * margin)
    left, top = face.box[:2] + face.box[2:] / 2 - side / 2
    return np.array([[side / size, 0, left], [0, side / size, top]])


def _similarity(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns the (2, 3) turn, scale and shift that brings points nearest to others.

    Least squares in its four parameters, which leaves no room for a reflection.

    Args:
        start: (n, 2).
        goal: (n, 2).
    """
    n = len(start)
    left = np.zeros((2 * n, 4))
    left[:n] = np.column_stack([start[:, 0], -start[:, 1], np.ones(n), np.zeros(n)])
    left[n:] = np.column_stack([start[:, 1], start[:, 0], np.zeros(n), np.ones(n)])
    a, b, x, y = np.linalg.lstsq(left, np.concatenate([goal[:, 0], goal[:, 1]]), rcond=None)[0]
    return np.array([[a, -b, x], [b, a, y]])


def _warp(pixels: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Reads a square out of a photo.

    Args:
        pixels: (H, W, 3) uint8.
        matrix: (2, 3) from places on the square to places on the photo.
        size: Side of the square.
    """
    height, width = pixels.shape[:2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    corners = matrix @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
    border = 2 + 2 * scale
    left, top = np.maximum(np.floor(corners.min(axis=1) - border), 0).astype(int)
    right, bottom = np.ceil(corners.max(axis=1) + border).astype(int)
    right, bottom = min(right, width), min(bottom, height)
    if right - left < 1 or bottom - top < 1:
        return np.zeros((size, size, 3), np.uint8)
    image = Image.fromarray(pixels[top:bottom, left:right])
    x, y = 1.0, 1.0
    if scale > 1:
        # To read every n-th pixel would alias, so what is too large is made smaller first.
        smaller = (max(1, round(image.width / scale)), max(1, round(image.height / scale)))
        x, y = smaller[0] / image.width, smaller[1] / image.height
        image = image.resize(smaller, Image.Resampling.BICUBIC)
    (a, b, c), (d, e, f) = matrix
    places = (a * x, b * x, (c - left) * x, d * y, e * y, (f - top) * y)
    return np.asarray(
        image.transform((size, size), Image.Transform.AFFINE, places, Image.Resampling.BICUBIC)
    )


def blur(crop: np.ndarray) -> float:
    """Returns how sharp a face is: the variance of its Laplacian (Pech-Pacheco et al., 2000).

    Args:
        crop: (S, S, 3) uint8 RGB.

    Returns:
        At 112 pixels and relative to the variance of its grey levels, so that light plays no
        part: 0.1 to 0.4 for sharp photographs, about 0.03 after a Gaussian blur of 1 pixel and 0.01
        after one of 1.5.
    """
    image = Image.fromarray(crop)
    if image.width != _BLUR_SIDE:
        image = image.resize((_BLUR_SIDE, _BLUR_SIDE), Image.Resampling.BICUBIC)
    grey = np.asarray(image, np.float32) @ _GREY
    grey = grey[16:-16, 16:-16]  # the face, not what is around it
    inner = grey[1:-1, 1:-1]
    edges = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(edges.var() / max(float(inner.var()), 1.0))
