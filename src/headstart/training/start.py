"""Where a fine-tuning begins: a linear head fitted on frozen features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.nets.heads.head import Head
from headstart.probe.classifiers import Config, fit_head, make_space

__all__ = ["Start", "linear_start"]


@dataclass(frozen=True)
class Start:
    """Where a fine-tuning begins.

    Attributes:
        columns: (d,) int features that the head reads.
        C: Of the logistic regression that the head starts as.
        balanced: Its class weights.
        blank: The head starts from zero instead.
    """

    columns: np.ndarray
    C: float
    balanced: bool = False
    blank: bool = False


def linear_start(
    vectors: np.ndarray, targets: np.ndarray, items: np.ndarray, start: Start, *, n_classes: int
) -> Head:
    """Fits the linear head that a fine-tuning starts from, on some items only.

    Args:
        vectors: (N, D) float32 frozen features.
        targets: (N,) int.
        items: (M,) int rows to learn from.
        start: Which features, and how.
        n_classes: C.
    """
    if start.blank:
        width = len(start.columns)
        arrays = {
            "weights": np.zeros((n_classes, width), np.float32),
            "bias": np.zeros(n_classes, np.float32),
        }
        return Head("linear", start.columns, arrays, n_classes)
    own = vectors[items]
    space = make_space(own, start.columns)
    config = Config("logistic", "start", start.C, start.balanced)
    return fit_head(config, space, own, targets[items], n_classes=n_classes)
