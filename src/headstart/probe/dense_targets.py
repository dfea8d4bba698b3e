"""What a dense head learns: the share of each class in every cell of its output."""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["are_uneven", "cell_shares", "class_weights", "mask_shares", "mask_square", "shares_of"]

_EVEN = 20.0


def mask_square(
    mask: np.ndarray, matrix: np.ndarray, size: int, width: int, height: int
) -> np.ndarray:
    """Returns a mask as the network's input shows it, (size, size) uint8, by the nearest pixel.

    Args:
        mask: (H, W) uint8 classes, 255 ignored; of any size, over the whole image.
        matrix: (2, 3) from pixels of the image to pixels of the input, without a turn.
        size: Side of the input in pixels.
        width: Of the image.
        height: Of the image.

    Returns:
        Classes, 255 where ignored and outside of the image.
    """
    rows, columns = mask.shape
    at = np.arange(size) + 0.5
    x = (at - matrix[0, 2]) / matrix[0, 0] * columns / width
    y = (at - matrix[1, 2]) / matrix[1, 1] * rows / height
    inside_x, inside_y = (x >= 0) & (x < columns), (y >= 0) & (y < rows)
    found = np.full((size, size), 255, np.uint8)
    rows_at, columns_at = y[inside_y].astype(int), x[inside_x].astype(int)
    found[np.ix_(inside_y, inside_x)] = mask[np.ix_(rows_at, columns_at)]
    return found


def shares_of(
    mask: np.ndarray, matrix: np.ndarray, size: int, width: int, height: int, n_classes: int
) -> np.ndarray:
    """Returns how much of each pixel of the input is of each class, (C, size, size) uint8 of 255.

    Args:
        mask: (H, W) uint8 classes, 255 ignored; of any size, over the whole image.
        matrix: (2, 3) from pixels of the image to pixels of the input, without a turn.
        size: Side of the input in pixels.
        width: Of the image.
        height: Of the image.
        n_classes: C.
    """
    found = np.zeros((n_classes, size, size), np.uint8)
    left, top = round(matrix[0, 2]), round(matrix[1, 2])
    right = round(matrix[0, 0] * width + matrix[0, 2])
    bottom = round(matrix[1, 1] * height + matrix[1, 2])
    inner = max(1, right - left), max(1, bottom - top)
    inside = found[:, top : top + inner[1], left : left + inner[0]]
    room = inside.shape[1:]
    kinds = np.flatnonzero(Image.fromarray(mask).histogram())
    left_over = np.full(room, 255, np.uint8)
    for number in kinds.tolist():
        part = left_over  # what no other class has is of the last
        if number != kinds[-1]:
            one = Image.fromarray((mask == number).view(np.uint8) * np.uint8(255))
            part = np.asarray(one.resize(inner, Image.Resampling.BOX))[: room[0], : room[1]]
            part = np.minimum(part, left_over)
            left_over -= part
        if number < n_classes:
            inside[number] = part
    return found


def cell_shares(shares: np.ndarray, stride: int) -> np.ndarray:
    """Returns the mean over cells of (..., size, size) uint8 shares, (..., h, w) uint8."""
    *front, height, width = shares.shape
    rows = shares.reshape(*front, height // stride, stride, width).sum(axis=-2, dtype=np.uint32)
    # numpy is slow at sums of few numbers that lie side by side.
    total = sum(rows[..., at::stride] for at in range(stride))
    return ((total + stride * stride // 2) // (stride * stride)).astype(np.uint8)


def are_uneven(pixels: np.ndarray) -> bool:
    """Tells whether the rarest class has less than a twentieth of the most frequent one's pixels.

    Args:
        pixels: (C,) of each class; those that have none are left out.
    """
    there = pixels[pixels > 0]
    return bool(len(there) and there.max() > _EVEN * there.min())


def class_weights(pixels: np.ndarray, balance: str) -> np.ndarray:
    """Returns (C,) float32 weights of a pixel of each class, 1 on the mean over the classes.

    Args:
        pixels: (C,) of each class in the training masks.
        balance: ``"none"``: all alike; ``"weights"``: by the inverse root of how frequent a class
            is, which is between what the loss would do by itself (hear only of large classes) and
            the inverse (hear only of the smallest); ``"auto"`` and others: so where the rarest
            class has less than a twentieth of the pixels of the most frequent.
    """
    share, weights = pixels / max(1, pixels.sum()), np.ones(len(pixels), np.float32)
    present = share > 0
    if balance == "none" or not present.any():
        return weights
    if balance == "weights" or are_uneven(pixels):
        roots = 1 / np.sqrt(share[present])
        weights[present] = roots / roots.mean()
    return weights


def mask_shares(mask: np.ndarray, n_classes: int, stride: int) -> np.ndarray:
    """Returns the share of each class in the cells of a mask, (C, h, w) uint8 of 255.

    Args:
        mask: (size, size) uint8 classes on the input; others are of no class.
        n_classes: C.
        stride: Side of a cell in pixels.
    """
    one_hot = mask == np.arange(n_classes, dtype=np.uint8)[:, None, None]
    return cell_shares(one_hot.astype(np.uint8) * np.uint8(255), stride)
