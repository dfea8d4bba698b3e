"""How an answer is written on an image, and how two are shown beside each other."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["beside", "write_on"]


def write_on(pixels: np.ndarray, text: str) -> np.ndarray:
    """Returns the image with a line of text in its corner, white on black.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        text: Short.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    size = max(12, image.height // 24)
    font = ImageFont.load_default(size)
    left, top, right, bottom = pen.textbbox((size, size), text, font=font)
    pen.rectangle((left - size / 3, top - size / 3, right + size / 3, bottom + size / 3), "black")
    pen.text((size, size), text, fill="white", font=font)
    return np.asarray(image)


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns two (H, W, 3) uint8 images side by side, with a white gap."""
    gap = np.full((len(left), max(2, left.shape[1] // 60), 3), 255, np.uint8)
    return np.concatenate((left, gap, right), axis=1)
