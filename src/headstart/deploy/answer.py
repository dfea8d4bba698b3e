"""What is said of one answer: a class or a number, as fields for programs and words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from headstart.deploy.predictor import Watcher

__all__ = ["fields", "words"]


def fields(row: np.ndarray, model: Watcher) -> dict[str, Any]:
    """Returns what a program wants to know.

    Args:
        row: (C,) probabilities.
        model: It names the classes, and has the threshold.

    Returns:
        ``class``, ``probability``, ``sure`` and ``probabilities``; of a model that tells numbers
        ``number``, ``low`` and ``high`` too, and it is always sure of its range.
    """
    best = int(row.argmax())
    value: dict[str, Any] = {
        "class": model.classes[best],
        "probability": float(row[best]),
        "sure": model.scale is not None or bool(row[best] >= model.threshold),
        "probabilities": dict(zip(model.classes, row.tolist(), strict=True)),
    }
    if model.scale is not None:
        told = model.scale.numbers(row[None])[0].tolist()
        value |= dict(zip(("number", "low", "high"), told, strict=True))
    return value


def words(row: np.ndarray, model: Watcher) -> tuple[str, bool]:
    """Returns the words to draw on a picture, and whether the model is sure of them."""
    if model.scale is not None:
        number, low, high = model.scale.numbers(row[None])[0]
        return f"{number:.3g} ({low:.3g} to {high:.3g})", True
    best = int(row.argmax())
    sure = bool(row[best] >= model.threshold)
    return (f"{model.classes[best]} {100 * row[best]:.0f} %" if sure else "not sure"), sure
