"""Whatever somebody gives as an image: a path, the bytes of a file, a Pillow image or an array.

An open file is the bytes that are left in it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headstart.errors import ImageError
from headstart.images.bounds import MAX_PIXELS
from headstart.images.decode import decode, read_bytes, upright
from headstart.images.preprocess import Preprocess

__all__ = [
    "ImageLike",
    "ImagesLike",
    "bytes_of",
    "inputs_of",
    "is_path",
    "listed",
    "names_of",
    "sized_inputs_of",
]

ImageLike = str | Path | bytes | Image.Image | np.ndarray
"""One image; an array is (H, W, 3) uint8 RGB or (H, W) uint8 grey."""
ImagesLike = ImageLike | Iterable[ImageLike]
"""One or many; an (N, H, W, 3) array is N."""

_ALONE = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)
_WANTED = "uint8 (H, W, 3) RGB"


def listed(images: ImagesLike) -> list[ImageLike]:
    """Returns one image or many as a list; what is no image stays, to be refused by name.

    Raises:
        ImageError: If it can be neither.
    """
    found: list[Any]
    if isinstance(images, np.ndarray):
        found = list(images) if images.ndim in (1, 4) else [images]
    elif isinstance(images, _ALONE) or _comes_apart(images):
        found = [images]
    elif isinstance(images, Iterable) and not isinstance(images, dict):
        found = list(images)
    else:
        raise ImageError(_refusal(images))
    return [_whole(each) for each in found]


def _is_open_file(image: Any) -> bool:
    return hasattr(image, "read") and not isinstance(image, Image.Image)


def _comes_apart(image: Any) -> bool:
    """An open file would come apart into lines, a tensor of another library into rows."""
    return _is_open_file(image) or getattr(image, "ndim", 1) not in (1, 4)


def _whole(image: Any) -> Any:
    """Returns what is in memory as bytes."""
    if isinstance(image, bytearray | memoryview):
        return bytes(image)
    if not _is_open_file(image):
        return image
    data = image.read()
    return data if isinstance(data, bytes) else str(data).encode()


def _refusal(image: Any) -> str:
    kind = type(image).__name__
    return f"wanted a path, bytes, a Pillow image or an array, got {kind}"


def is_path(image: ImageLike) -> bool:
    """Whether an image is given by where it lies."""
    return isinstance(image, str | os.PathLike)


def names_of(images: list[ImageLike]) -> tuple[str, ...]:
    """Returns what images are called: paths, and ``"image 3"`` for the third that has none."""
    return tuple(
        os.fspath(each) if isinstance(each, str | os.PathLike) else f"image {number}"
        for number, each in enumerate(images, 1)
    )


def inputs_of(
    image: ImageLike, preprocess: Preprocess, tta: int, *, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Returns what a network sees of one image, (V, size, size, 3) uint8.

    Args:
        image: Of any kind.
        preprocess: How it is fitted.
        tta: As `Preprocess.inputs` takes it.
        max_pixels: Larger files are refused by their header.

    Raises:
        ImageError: If it cannot be read, or is nothing that an image may be.
    """
    return sized_inputs_of(image, preprocess, tta, max_pixels=max_pixels)[0]


def sized_inputs_of(
    image: ImageLike, preprocess: Preprocess, tta: int, *, max_pixels: int = MAX_PIXELS
) -> tuple[np.ndarray, tuple[int, int]]:
    """Returns what a network sees of one image, and width and height of the upright image.

    Args:
        image: Of any kind.
        preprocess: How it is fitted.
        tta: As `Preprocess.inputs` takes it.
        max_pixels: Larger files are refused by their header.

    Returns:
        (V, size, size, 3) uint8, and pixels.

    Raises:
        ImageError: If it cannot be read, or is nothing that an image may be.
    """
    if isinstance(image, np.ndarray | Image.Image):
        known = isinstance(image, np.ndarray)
        pixels = _checked(image) if known else upright(image, preprocess.levels)  # type: ignore[arg-type]
        return preprocess.inputs(pixels, tta), (pixels.shape[1], pixels.shape[0])
    if not isinstance(image, str | os.PathLike | bytes):
        raise ImageError(_refusal(image))
    data = image if isinstance(image, bytes) else read_bytes(Path(image))
    seen: dict[int, np.ndarray] = {}
    parts, size = [], (0, 0)
    for look in preprocess.looks:  # each at the resolution that it had in training
        if (side := look.decoding_side) not in seen:
            decoded = decode(data, short_side=side, max_pixels=max_pixels, levels=look.levels)
            seen[side], size = decoded.pixels, (decoded.width, decoded.height)
        parts.append(look.inputs(seen[side], tta))
    return np.concatenate(parts) if len(parts) > 1 else parts[0], size


def bytes_of(image: ImageLike) -> bytes:
    """Returns an image as the bytes of a file; pixels become a PNG, which loses nothing.

    Raises:
        ImageError: If it cannot be read, or is nothing that an image may be.
    """
    if isinstance(image, bytes):
        return image
    if isinstance(image, str | os.PathLike):
        return read_bytes(Path(image))
    if isinstance(image, Image.Image):
        pixels = upright(image)
    elif isinstance(image, np.ndarray):
        pixels = _checked(image)
    else:
        raise ImageError(_refusal(image))
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG", compress_level=1)
    return written.getvalue()


def _cure(pixels: np.ndarray) -> str:
    """Returns what to do about an array as other libraries hold images."""
    if pixels.ndim == 3 and pixels.shape[0] == 3 and pixels.shape[2] != 3:
        return ": channels come last, image.transpose(1, 2, 0)"
    if pixels.dtype.kind == "f":
        return ": of numbers from 0 to 1, (255 * image).round().astype('uint8')"
    return ""


def _checked(pixels: np.ndarray) -> np.ndarray:
    """Returns an array as (H, W, 3).

    Raises:
        ImageError: If it is of another type or shape.
    """
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.dtype != np.uint8 or not (colour or pixels.ndim == 2) or not pixels.size:
        raise ImageError(f"wanted {_WANTED}, got {pixels.dtype} {pixels.shape}{_cure(pixels)}")
    return pixels if colour else np.repeat(pixels[:, :, None], 3, axis=2)
