"""Masks in a run, so that it can be measured again when the files of the masks are gone.

All of them are runs of one class in one file: it takes milliseconds to write and a few thousand
bytes a mask, and nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.masks.masks import Masks
from headstart.errors import ModelError
from headstart.images.threads import ordered_map

__all__ = ["read_labels", "write_labels"]


@dataclass(frozen=True, eq=False)
class _Runs:
    """A mask as runs of one class, row by row.

    Attributes:
        classes: (R,) uint8.
        lengths: (R,) uint32 pixels.
        size: Width and height.
    """

    classes: np.ndarray
    lengths: np.ndarray
    size: tuple[int, int]

    def read(self) -> np.ndarray:
        """Returns (H, W) uint8 class indices."""
        return np.repeat(self.classes, self.lengths).reshape(self.size[1], self.size[0])


def write_labels(labels: Masks, file: Path) -> None:
    """Writes masks.

    Args:
        labels: Of N items; those that are not annotated stay so.
        file: To write.

    Raises:
        DataError: If the file of a mask is gone.
    """
    from safetensors.numpy import save

    def runs(index: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        mask = labels.read(index)
        flat = mask.ravel()
        starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
        lengths = np.diff(np.append(starts, flat.size)).astype(np.uint32)
        return flat[starts], lengths, (mask.shape[1], mask.shape[0])

    rows = np.flatnonzero(labels.known)
    found = list(ordered_map(runs, rows.tolist()))
    counts = [len(each[0]) for each in found]
    arrays = {
        "rows": rows.astype(np.int64),
        "classes": np.concatenate([np.zeros(0, np.uint8), *(each[0] for each in found)]),
        "lengths": np.concatenate([np.zeros(0, np.uint32), *(each[1] for each in found)]),
        "ends": np.cumsum(counts, dtype=np.int64),
        "sizes": np.array([each[2] for each in found], np.int64).reshape(-1, 2),
        "pixels": np.ascontiguousarray(labels.pixels[rows], dtype=np.int64),
        "palette": np.ascontiguousarray(labels.palette),
    }
    # As bytes: safetensors' own files may be read by nobody but their owner.
    file.write_bytes(save(arrays))


def read_labels(names: tuple[str, ...], count: int, file: Path) -> Masks:
    """Reads what `write_labels` wrote.

    Args:
        names: C class names.
        count: N items.
        file: To read.

    Raises:
        ModelError: If it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(file)
        rows, sizes = arrays["rows"], np.zeros((count, 2), np.int64)
        pixels = np.zeros((count, len(names)), np.int64)
        sizes[rows], pixels[rows] = arrays["sizes"], arrays["pixels"]
        sources: list[_Runs | None] = [None] * count
        start = 0
        for row, end in zip(rows.tolist(), arrays["ends"].tolist(), strict=True):
            part = slice(start, end)
            size = int(sizes[row, 0]), int(sizes[row, 1])
            sources[row] = _Runs(arrays["classes"][part], arrays["lengths"][part], size)
            if int(arrays["lengths"][part].sum()) != size[0] * size[1]:
                raise ValueError("a mask has other pixels than its size says")
            start = end
        return Masks(names, tuple(sources), pixels, sizes, arrays["palette"])
    except (OSError, ValueError, KeyError, IndexError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read ({error}); run 'headstart train' again") from None
