"""From a loaded image of any 8-bit mode to upright RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

__all__ = ["orientation_of", "upright_pixels"]

# Pixels beyond which an image is converted in bands of rows.
_AT_ONCE = 1 << 22
_ROWS = 128
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Any) -> int:
    """Returns what EXIF says of how an image lies, 1 where it says nothing."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except MemoryError:
        raise
    except Exception:  # damaged EXIF is common and harmless: take the image as stored
        return 1


def upright_pixels(image: Any, orientation: int) -> np.ndarray:
    """Returns (H, W, 3) uint8 RGB, read-only.

    Args:
        image: Loaded, of 8 bits a channel.
        orientation: As EXIF counts them, 1 to 8; others are taken as 1.
    """
    width, height = image.size
    if width * height <= _AT_ONCE:
        rgb = _to_rgb(image)
        if orientation in _TURNS:
            rgb = rgb.transpose(_TURNS[orientation])
        return np.asarray(rgb)
    # In bands: every step of a conversion would hold the whole image once more.
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        pixels[top:bottom] = np.asarray(_to_rgb(image.crop((0, top, width, bottom))))
    if orientation in _TURNS:
        pixels = np.ascontiguousarray(_turned(pixels, orientation))
    pixels.flags.writeable = False
    return pixels


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Returns (H, W, 3) pixels the right way up, as `_TURNS` does images."""
    if orientation in (2, 3, 4):
        return pixels[:: -1 if orientation > 2 else 1, :: -1 if orientation < 4 else 1]
    across = pixels.transpose(1, 0, 2)
    return across[:: -1 if orientation > 6 else 1, :: -1 if orientation in (6, 7) else 1]


def _to_rgb(image: Any) -> Any:
    mode = image.mode
    if mode == "RGB" and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] == 255:
            return image.convert("RGB")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    if mode == "LAB":
        from PIL import ImageCms

        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    return image.convert("RGB")
