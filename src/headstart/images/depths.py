"""`data_set_levels`: which levels of a data set are black and white, before anything is fitted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.images.deep import EIGHT_BITS, Levels, common_levels, is_deep
from headstart.images.pixels import measure

__all__ = ["data_set_levels"]

_HEAD = 64
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# A white of 65535 is what programs write whatever the depth; any other was meant.
_FULL_PGM = re.compile(rb"P5\s+(?:#[^\n]*\s+)*\d+\s+\d+\s+65535\s")


def data_set_levels(
    dataset: Dataset, *, workers: int | None = None, progress: Progress = silent
) -> Levels:
    """Looks for images deeper than 8 bits and settles the levels of all of them.

    A few bytes of each file tell which they are; only those are read for it, and what they hold
    stays in the cache.

    Args:
        dataset: N items.
        workers: Decoding threads; by default one a processor.
        progress: Called as deep images are done.

    Returns:
        The levels, `EIGHT_BITS` where no image is deeper.
    """
    deep = np.array([_may_be_deep(dataset.path(i)) for i in range(len(dataset))], bool)
    if not deep.any():
        return EIGHT_BITS
    found = measure(dataset.take(deep), workers=workers, progress=progress)
    found = found.take(found.deep)
    return common_levels(found.lows, found.highs, found.modes == "F")


def _may_be_deep(path: Path) -> bool:
    try:
        # Not blocking: a pipe has nothing to say.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags)
    except (OSError, ValueError):
        return False
    try:
        head = os.read(file, _HEAD)
    except OSError:
        return False
    finally:
        os.close(file)
    if head.startswith(b"\x89PNG"):
        return head[24:25] == b"\x10"
    if head.startswith(_TIFF):
        try:  # its header alone; the pixels of most need not be read for this
            with path.open("rb") as stream, TiffImageFile(stream) as image:
                return is_deep(image)
        except Exception:  # damaged: the pass over all images names it
            return False
    return head.startswith((b"Pf", b"PF")) or _FULL_PGM.match(head) is not None
