"""Boxes drawn on an image, each with its class and score."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["class_colour", "colour_code", "draw_boxes", "draw_found"]

_SMALLEST = 100  # images with a shorter side than this have no room for words


def class_colour(number: int) -> tuple[int, int, int]:
    """Returns the colour of a class: far from those of its neighbours in number."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + 0.618034 * number) % 1.0, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def colour_code(number: int) -> str:
    """Returns `class_colour` as a page writes it, such as ``"#ff8026"``."""
    return "#" + "".join(f"{part:02x}" for part in class_colour(number))


def draw_boxes(
    pixels: np.ndarray, corners: np.ndarray, labels: np.ndarray, words: list[str]
) -> np.ndarray:
    """Returns the image with boxes on it, the last ones on top.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        corners: (K, 4) left, top, right, bottom in pixels of that.
        labels: (K,) class of each, which decides the colour.
        words: K short texts; empty for none.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    line = max(1, round(min(image.size) / 200))
    size = max(10, min(image.size) // 36)
    font = ImageFont.load_default(size)
    for box, label, text in zip(corners.tolist(), labels.tolist(), words, strict=True):
        left, top, right, bottom = box
        colour = class_colour(label)
        pen.rectangle((left, top, max(right, left), max(bottom, top)), None, colour, line)
        if text and min(image.size) >= _SMALLEST:
            wide = pen.textlength(text, font=font)
            above = top - 1.3 * size if top >= 1.3 * size else top
            at = min(max(left, 0), max(image.width - wide - 4, 0))
            pen.rectangle((at, above, at + wide + 4, above + 1.3 * size), colour)
            light = np.dot(colour, (0.299, 0.587, 0.114)) > 110
            pen.text((at + 2, above), text, fill="black" if light else "white", font=font)
    return np.asarray(image)


def draw_found(
    pixels: np.ndarray, found: Any, index: int, *, numbers: Sequence[int] = ()
) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the boxes of one answer on the image, whatever its size.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        found: `Detections`.
        index: Of the item.
        numbers: Of its objects, the most certain first, where they are followed.
    """
    rows = found.rows(index)[::-1]  # the most certain on top
    known = [f" {number}" for number in numbers[: len(rows)]] or [""] * len(rows)
    own = np.array([pixels.shape[1], pixels.shape[0]], float)
    size = found.sizes[index]
    scale = own / np.where(size > 0, size, own)
    words = [
        f"{found.classes[found.labels[row]]}{number}, {100 * found.scores[row]:.0f}%"
        for row, number in zip(rows.tolist(), reversed(known), strict=True)
    ]
    corners = found.corners[rows] * np.tile(scale, 2)
    return draw_boxes(pixels, corners, found.labels[rows], words)
