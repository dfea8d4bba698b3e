"""Answers that are shares of one: what probabilities of classes and identities have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["agree", "most_probable", "place", "record", "text", "unlike_record", "unlike_text"]

# Probabilities so close are a tie.
_TIE = 1e-3


def most_probable(probabilities: np.ndarray) -> np.ndarray:
    """Returns (N,) int columns of the largest of (N, C); -1 for rows with NaN."""
    best = np.nan_to_num(probabilities, nan=-1.0).argmax(axis=1)
    return np.where(np.isnan(probabilities).any(axis=1), -1, best)


def place(given: Any, index: int) -> dict[str, Any]:
    """Returns the name of an item, and where it is on its image."""
    found: dict[str, Any] = {"name": given.names[index]}
    if given.boxes is not None and not np.isnan(given.boxes[index]).any():
        found["box"] = [round(float(each), 1) for each in given.boxes[index]]
    return found


def record(given: Any, key: str, known: tuple[str, ...], index: int) -> dict[str, Any]:
    """Returns one answer as fields.

    Args:
        given: Predictions with `probabilities`, `labels` and `threshold`.
        key: What the most probable is called, such as ``"class"``.
        known: C names.
        index: Of the item.
    """
    found = place(given, index)
    best = int(given.labels[index])
    if best < 0:
        return found | {"error": given.errors.get(given.names[index], "unreadable")}
    row = given.probabilities[index]
    return found | {
        key: known[best],
        "probability": float(row[best]),
        "sure": bool(row[best] >= given.threshold),
        "probabilities": dict(zip(known, row.tolist(), strict=True)),
    }


def agree(one: Any, other: Any) -> np.ndarray:
    """Returns (N,) bool: the same is most probable, or as good as equally probable."""
    rows, mine, theirs = np.arange(len(one)), one.labels, other.labels
    tie = one.probabilities[rows, mine] - one.probabilities[rows, theirs] < _TIE
    return np.asarray((mine == theirs) | ((mine >= 0) & (theirs >= 0) & tie))


def text(given: Any, known: tuple[str, ...], index: int) -> str:
    """Returns one answer in words; "not sure" below the threshold."""
    best = int(given.labels[index])
    if best < 0:
        return str(given.errors.get(given.names[index], "unreadable"))
    probability = float(given.probabilities[index, best])
    if probability < given.threshold:
        return "not sure"
    return f"{known[best]} {100 * probability:.0f}%"


def unlike_record(given: Any, index: int) -> dict[str, Any]:
    """Returns ``unlike`` and ``distance`` of one item; nothing where they are not told.

    Args:
        given: Predictions with `unlike`.
        index: Of the item.
    """
    if given.unlike is None or not np.isfinite(given.unlike[index]):
        return {}
    distance = float(given.unlike[index])
    return {"unlike": distance > 1, "distance": distance}


def unlike_text(given: Any, index: int) -> str:
    """Returns what an answer in words ends with, where nothing of that kind was trained on."""
    far = unlike_record(given, index).get("unlike", False)
    return ", unlike anything it was trained on" if far else ""
