"""Memory of the process while it trains."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import sys

__all__ = ["give_back_memory", "keep_freed_memory"]

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


@functools.cache
def keep_freed_memory() -> None:
    """Tells glibc to keep freed memory for the next allocation; elsewhere does nothing.

    A step frees and allocates the same hundreds of megabytes as the one before. By default they
    go back to the system in between and come back as pages that must be cleared one by one:
    a tenth of the time of a training step.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_MMAP_THRESHOLD, 2**30)


def give_back_memory() -> None:
    """Gives the system what is free, after `keep_freed_memory` too; elsewhere than on Linux little.

    What one training leaves is in pieces that do not fit the next: kept, each training in a row
    adds to the peak.
    """
    gc.collect()  # a training and its threads know each other
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
