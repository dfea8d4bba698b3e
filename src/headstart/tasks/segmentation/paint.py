"""How masks are shown: laid over an image in the colours of their classes, with a legend."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.data.masks.masks import IGNORED
from headstart.metrics.boundaries import boundary_of

__all__ = ["indexed", "overlaid", "tinted"]

_STRENGTH = 0.45
_UNSURE = (128, 128, 128)
_SMALLEST = 160  # images with a shorter side than this have no room for a legend


def tinted(pixels: np.ndarray, labels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Returns (H, W, 3) uint8 with the colour of each class on its pixels, edges in full.

    A class that is drawn in black has its edges only.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 classes; what is none (255) is hatched in grey.
        palette: (C, 3) uint8 RGB.
    """
    table = np.full((256, 3), _UNSURE, np.float32)
    table[: len(palette)] = palette
    colours = table[labels]
    # Black is the ground, as a rule: it is left as it is.
    tone = np.full(256, _STRENGTH, np.float32)
    tone[: len(palette)][~palette.any(axis=1)] = 0
    strength = tone[labels]
    edge = boundary_of(labels, IGNORED)
    strength[edge] = 1.0
    # Edges are as bright as their colour can be, to be seen on dark images too.
    colours[edge] *= (255 / np.maximum(colours[edge].max(axis=1, initial=1), 1))[:, None]
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    strength[(labels == IGNORED) & ((rows + columns) % 6 < 2)] = 0.9
    mixed = pixels + (colours - pixels) * strength[..., None]
    return np.asarray(mixed.round().astype(np.uint8))


def overlaid(
    pixels: np.ndarray, labels: np.ndarray, palette: np.ndarray, classes: tuple[str, ...]
) -> np.ndarray:
    """Returns `tinted` with a legend of the classes that are there, where there is room for one.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 classes.
        palette: (C, 3) uint8 RGB.
        classes: C names.
    """
    image = Image.fromarray(tinted(pixels, labels, palette))
    if min(image.size) < _SMALLEST:
        return np.asarray(image)
    there = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[: len(classes)])
    rows = [(classes[k], tuple(int(each) for each in palette[k])) for k in there.tolist()]
    if (labels == IGNORED).any():
        rows.append(("not sure", _UNSURE))
    pen = ImageDraw.Draw(image)
    size = max(11, min(image.size) // 32)
    font = ImageFont.load_default(size)
    rows = rows[: max(1, image.height // (2 * size) - 1)]
    wide = max(pen.textlength(name, font=font) for name, _ in rows)
    box = (size // 2, size // 2, 3 * size + wide, size + 1.5 * size * len(rows))
    pen.rectangle(box, "black")
    for number, (name, colour) in enumerate(rows):
        top = 0.75 * size + 1.5 * size * number
        pen.rectangle((size, top + size / 8, 2 * size, top + 9 * size / 8), colour, "white")
        pen.text((2.5 * size, top), name, fill="white", font=font)
    return np.asarray(image)


def indexed(labels: np.ndarray, palette: np.ndarray) -> Image.Image:
    """Returns labels as an image whose pixels are class indices and whose palette shows them.

    Args:
        labels: (H, W) uint8 classes; 255 is not sure, and grey.
        palette: (C, 3) uint8 RGB.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    table[IGNORED] = _UNSURE
    image = Image.fromarray(labels)
    image.putpalette(table.tobytes())
    return image
