"""`DecodedPhoto`: a decoded photo and all faces on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.errors import ImageError
from headstart.images.bounds import MAX_PIXELS
from headstart.images.decode import decode
from headstart.images.detect import Face
from headstart.images.faces import NO_FACE
from headstart.images.preprocess import Preprocess

__all__ = ["DecodedPhoto", "every_face_of"]


@dataclass(frozen=True)
class DecodedPhoto:
    """A photo and the faces on it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; large JPEGs are decoded smaller.
        faces: Each with what a model sees of it, (V, size, size, 3) uint8; the one that stands for
            the photo first.
        ratio: Pixels of the file for one of `pixels`.
    """

    pixels: np.ndarray
    faces: list[tuple[Face, np.ndarray]]
    ratio: float


def every_face_of(
    preprocess: Preprocess, tta: int, data: bytes, *, max_pixels: int = MAX_PIXELS
) -> DecodedPhoto:
    """Finds all faces on a photo.

    Args:
        preprocess: With `faces`.
        tta: V, of each.
        data: The file's bytes.
        max_pixels: Larger photos are refused by their header.

    Raises:
        ImageError: If it cannot be read, or shows no face.
    """
    decoded = decode(
        data, short_side=preprocess.decoding_side, max_pixels=max_pixels, levels=preprocess.levels
    )
    found = preprocess.every_face(decoded.pixels, tta)
    if not found:
        raise ImageError(NO_FACE)
    return DecodedPhoto(decoded.pixels, found, decoded.width / decoded.pixels.shape[1])
