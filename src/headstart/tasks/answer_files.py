"""What the files of answers have in common: where they go, their cells, the images beneath them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image

from headstart.cells import csv_cell
from headstart.errors import HeadstartError
from headstart.images.decode import decode
from headstart.images.given import ImageLike, bytes_of

__all__ = ["answer_cell", "made_for", "reduced", "stems_of"]

_LONGEST = 1600  # side in pixels of an image that is drawn on


def stems_of(names: Sequence[str], answered: Sequence[bool]) -> list[str]:
    """Returns where each image's files go: as those answered lie below the folder they share.

    Args:
        names: N names of images: paths, or anything else.
        answered: N, which of them will have files.
    """
    paths = [PurePath(name.replace("\\", "/")) for name in names]
    shared = 0
    heads = [path.parts[:-1] for path, is_there in zip(paths, answered) if is_there]
    while heads and all(len(h) > shared for h in heads) and len({h[shared] for h in heads}) == 1:
        shared += 1
    found: list[str] = []
    taken: set[str] = set()
    for path in paths:
        parts = [
            part
            for part in path.parts[min(shared, len(path.parts) - 1) :]
            if part not in ("..", ".", "/")
        ]
        plain = "/".join([*parts[:-1], PurePath(parts[-1]).stem]) if parts else "image"
        stem, number = plain, 1
        while stem.casefold() in taken:  # one.jpg and one.png
            number += 1
            stem = f"{plain}_{number}"
        taken.add(stem.casefold())
        found.append(stem)
    return found


def made_for(path: Path) -> Path:
    """Returns a path whose folder is there from now on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def answer_cell(value: Any) -> Any:
    """Returns what stands in a cell of a table: six digits, and no formulas."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return csv_cell(value) if isinstance(value, str) else value


def reduced(image: ImageLike, size: np.ndarray, *, longest: int = _LONGEST) -> np.ndarray | None:
    """Returns (H, W, 3) uint8 of an image that can be drawn on; None where it went away meanwhile.

    Args:
        image: As it was given.
        size: (2,) its width and height in pixels.
        longest: Side in pixels that it is made smaller to.
    """
    width, height = (int(each) for each in size)
    scale = min(1.0, longest / max(width, height))
    small = max(1, round(width * scale)), max(1, round(height * scale))
    try:
        pixels = decode(bytes_of(image), short_side=min(small)).pixels
    except HeadstartError:
        return None
    return np.asarray(Image.fromarray(pixels).resize(small, Image.Resampling.BILINEAR))
