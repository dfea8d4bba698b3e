"""One prediction: a class or a number, as a record for programs and as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from headstart.deploy.predictor import Predictor

__all__ = ["record", "format_prediction"]


def record(row: np.ndarray, model: Predictor) -> dict[str, Any]:
    """Returns what a program wants to know.

    Args:
        row: (C,) probabilities.
        model: It names the classes, and has the threshold.

    Returns:
        ``class``, ``probability``, ``sure`` and ``probabilities``; of a regression model
        ``number``, ``low`` and ``high`` too, and it is always sure of its range.
    """
    best = int(row.argmax())
    value: dict[str, Any] = {
        "class": model.classes[best],
        "probability": float(row[best]),
        "sure": model.bins is not None or bool(row[best] >= model.threshold),
        "probabilities": dict(zip(model.classes, row.tolist(), strict=True)),
    }
    if model.bins is not None:
        predicted = model.bins.numbers(row[None])[0].tolist()
        value |= dict(zip(("number", "low", "high"), predicted, strict=True))
    return value


def format_prediction(row: np.ndarray, model: Predictor) -> tuple[str, bool]:
    """Returns the text to draw on an image, and whether the model is sure of it."""
    if model.bins is not None:
        number, low, high = model.bins.numbers(row[None])[0]
        return f"{number:.3g} ({low:.3g} to {high:.3g})", True
    best = int(row.argmax())
    sure = bool(row[best] >= model.threshold)
    return (f"{model.classes[best]} {100 * row[best]:.0f} %" if sure else "not sure"), sure
