"""COCO's run lengths: as numbers, and as the text that its tools write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["decode_runs", "parse_runs"]


def parse_runs(text: str | bytes) -> list[int]:
    """Returns the run lengths that COCO's compressed text stands for.

    Each number is written in groups of five bits, the lowest first, 48 added to each and 32 to all
    but the last; from the fourth on it is the difference from the number two before.
    Source: `rleFrString` of cocodataset/cocoapi.

    Raises:
        ValueError: If it ends in the middle of a number, or holds other characters.
    """
    data = text.encode("ascii") if isinstance(text, str) else text
    lengths: list[int] = []
    value = shift = 0
    for byte in data:
        group = byte - 48
        if not 0 <= group < 64:
            raise ValueError("characters that no run lengths are written with")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("they end in the middle of a number")
    return lengths


def decode_runs(lengths: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """Returns the pixels that run lengths stand for: 0 first, down the columns.

    Args:
        lengths: Pixels of each run, 0 and 1 in turn.
        size: Width and height.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: If they are negative, or not as many pixels as the image has.
    """
    width, height = size
    runs = np.asarray(lengths, np.int64)
    if (runs < 0).any() or runs.sum() != width * height:
        raise ValueError(f"they are of {runs.sum():,} pixels, and the image has {width * height:,}")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(width, height).T
