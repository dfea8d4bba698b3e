"""How an answer is written on an image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["write_on"]


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
