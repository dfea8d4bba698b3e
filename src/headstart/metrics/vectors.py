"""What all rooms do to vectors before they compare them."""

from __future__ import annotations

import numpy as np

__all__ = ["unit_rows"]


def unit_rows(rows: np.ndarray, *, least: float = 1e-12) -> np.ndarray:
    """Scales vectors to length 1; zero vectors stay zero.

    Args:
        rows: (N, D) float; the type stays.
        least: Shorter vectors are divided by this instead, so that rounding is not blown up.
    """
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), least)
