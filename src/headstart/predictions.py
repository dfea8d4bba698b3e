"""`Predictions`: what a model answers, whatever kind of answer it is.

Records side by side, without a base class; whoever shows, writes or sends an answer takes
`record(i)` or `text(i)`, and does not ask which of them it holds. Rows of unreadable inputs have
a reason in `errors`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from headstart import shares
from headstart.lists import some_of
from headstart.stacking import take_rows

__all__ = [
    "ClassProbabilities",
    "Identities",
    "Intervals",
    "Predictions",
    "columns_of",
    "predictions_html",
]

_SHOWN = 50
# Numbers so close, in widths of their prediction interval, are the same answer.
_NEAR = 0.05
_SHORT = {"probabilities": "p"}


class Predictions(Protocol):
    """What every kind of prediction offers, of N items."""

    @property
    def names(self) -> tuple[str, ...]:
        """N names of the items."""

    @property
    def errors(self) -> dict[str, str]:
        """Item name -> reason, for inputs that could not be read."""

    @property
    def boxes(self) -> np.ndarray | None:
        """(N, 4) left, top, width, height in pixels, where items are parts of images."""

    def __len__(self) -> int:
        """N."""

    def take(self, indices: np.ndarray) -> Predictions:
        """Returns the predictions of some items, by (M,) int indices or (N,) bool mask."""

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read and have an answer."""

    def answers(self) -> np.ndarray:
        """Returns the (N,) bare answers: names or numbers."""

    def agrees(self, other: Any) -> np.ndarray:
        """Returns (N,) bool: where another model says the same of the same items; ties count."""

    def record(self, index: int) -> dict[str, Any]:
        """One answer as fields for programs: JSON lines, CSV, HTTP."""

    def text(self, index: int) -> str:
        """One answer in a few words for people."""


def _shapes(given: Any, rows: tuple[tuple[str, tuple[int, ...]], ...]) -> None:
    for name, shape in rows:
        value = getattr(given, name)
        if value is not None and value.shape != shape:
            raise ValueError(f"{name} must be {shape}, got {value.shape}")


@dataclass(frozen=True)
class ClassProbabilities:
    """A probability for each class.

    Attributes:
        names: N names of the items (relative paths).
        classes: C class names.
        probabilities: (N, C) float, rows sum to one. NaN rows are unreadable inputs.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are faces on photos.
        threshold: Probability below which an answer is "not sure".
        models: (N,) int, which of several models (folds) answered; None for one.
        unlike: (N,) float, how far each is from all that was trained on: above 1 further than
            nineteen in twenty of held-out images. None where that is not told.
        possible: (N, C) bool, the classes that hold the true one nine times in ten; or None.
    """

    rows: ClassVar[tuple[str, ...]] = ("probabilities", "boxes", "models", "unlike", "possible")

    names: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    threshold: float = 0.0
    models: np.ndarray | None = None
    unlike: np.ndarray | None = None
    possible: np.ndarray | None = None

    def __post_init__(self) -> None:
        n, wide = len(self.names), (len(self.names), len(self.classes))
        shapes = (("probabilities", wide), ("boxes", (n, 4)), ("models", (n,)))
        _shapes(self, (*shapes, ("unlike", (n,)), ("possible", wide)))

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"ClassProbabilities({len(self):,} items; classes {some_of(self.classes)})"

    def _repr_html_(self) -> str:
        return predictions_html(self)

    def take(self, indices: np.ndarray) -> ClassProbabilities:
        """Returns the predictions of some items, by (M,) int indices or (N,) bool mask."""
        return take_rows(self, indices)

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read."""
        return ~np.isnan(self.probabilities).any(axis=1)

    @property
    def labels(self) -> np.ndarray:
        """(N,) int indices of the most probable class; -1 where the input was unreadable."""
        return shares.most_probable(self.probabilities)

    @property
    def confidences(self) -> np.ndarray:
        """(N,) float probability of the most probable class; NaN where unreadable."""
        return self.probabilities.max(axis=1)

    def answers(self) -> np.ndarray:
        """Returns (N,) str names of the most probable class; empty where unreadable."""
        return np.array([*self.classes, ""])[self.labels]

    def agrees(self, other: ClassProbabilities) -> np.ndarray:
        """Returns (N,) bool: the same class, or two that are as good as equally probable."""
        return shares.agree(self, other)

    def record(self, index: int) -> dict[str, Any]:
        """Returns ``class``, ``probability``, ``sure`` and ``probabilities`` of one item.

        Where they are told, also ``unlike``, ``distance`` and ``possible``, a list of classes.
        """
        found = shares.record(self, "class", self.classes, index)
        if "error" in found:
            return found
        if self.possible is not None:
            rows = np.flatnonzero(self.possible[index]).tolist()
            found["possible"] = [self.classes[each] for each in rows]
        return found | shares.unlike_record(self, index)

    def text(self, index: int) -> str:
        """Returns such as ``"ants 97 %"``, or ``"not sure"`` below the threshold.

        What is unlike anything that was trained on is said to be.
        """
        return shares.text(self, self.classes, index) + shares.unlike_text(self, index)


@dataclass(frozen=True)
class Identities:
    """A probability for each of some known identities: people, animals, individual objects.

    Attributes:
        names: N names of the items.
        identities: K names of identities.
        probabilities: (N, K) float, rows sum to one. NaN rows are unreadable inputs.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are faces on photos.
        threshold: Probability below which an answer is "not sure".
    """

    rows: ClassVar[tuple[str, ...]] = ("probabilities", "boxes")

    names: tuple[str, ...]
    identities: tuple[str, ...]
    probabilities: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    threshold: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.names)
        _shapes(self, (("probabilities", (n, len(self.identities))), ("boxes", (n, 4))))

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Identities({len(self):,} items; {len(self.identities):,} identities)"

    def _repr_html_(self) -> str:
        return predictions_html(self)

    def take(self, indices: np.ndarray) -> Identities:
        """Returns the predictions of some items, by (M,) int indices or (N,) bool mask."""
        return take_rows(self, indices)

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read."""
        return ~np.isnan(self.probabilities).any(axis=1)

    @property
    def labels(self) -> np.ndarray:
        """(N,) int indices of the most probable identity; -1 where the input was unreadable."""
        return shares.most_probable(self.probabilities)

    def answers(self) -> np.ndarray:
        """Returns (N,) str names of the most probable identity; empty where unreadable."""
        return np.array([*self.identities, ""])[self.labels]

    def agrees(self, other: Identities) -> np.ndarray:
        """Returns (N,) bool: the same identity, or two that are as good as equally probable."""
        return shares.agree(self, other)

    def record(self, index: int) -> dict[str, Any]:
        """Returns ``identity``, ``probability``, ``sure`` and ``probabilities`` of one item."""
        return shares.record(self, "identity", self.identities, index)

    def text(self, index: int) -> str:
        """Returns such as ``"Ann 97 %"``, or ``"not sure"`` below the threshold."""
        return shares.text(self, self.identities, index)


@dataclass(frozen=True)
class Intervals:
    """A number for each item, with its prediction interval.

    Attributes:
        names: N names of the items.
        values: (N,) float predicted numbers; NaN for unreadable inputs.
        low: (N,) float lower ends of the intervals.
        high: (N,) float upper ends.
        level: Share of true numbers that the intervals should cover.
        quantity: What is predicted, such as ``"age"``.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are faces on photos.
        unlike: (N,) float as in `ClassProbabilities`, or None.
    """

    rows: ClassVar[tuple[str, ...]] = ("values", "low", "high", "boxes", "unlike")

    names: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float = 0.9
    quantity: str = "number"
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    unlike: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.names)
        shapes = (("values", (n,)), ("low", (n,)), ("high", (n,)), ("boxes", (n, 4)))
        _shapes(self, (*shapes, ("unlike", (n,))))

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Intervals({len(self):,} items; {self.quantity}, {self.level:.0%} intervals)"

    def _repr_html_(self) -> str:
        return predictions_html(self)

    def take(self, indices: np.ndarray) -> Intervals:
        """Returns the predictions of some items, by (M,) int indices or (N,) bool mask."""
        return take_rows(self, indices)

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which items could be read."""
        return ~np.isnan(self.values)

    def answers(self) -> np.ndarray:
        """Returns (N,) float numbers; NaN where unreadable."""
        return self.values

    def agrees(self, other: Intervals) -> np.ndarray:
        """Returns (N,) bool: apart by no more than a twentieth of the prediction interval."""
        apart = np.abs(self.values - other.values)
        near = apart <= _NEAR * np.maximum(self.high - self.low, 0)
        return np.where(self.answered & other.answered, near, self.answered == other.answered)

    def record(self, index: int) -> dict[str, Any]:
        """Returns ``number``, ``low`` and ``high`` of one item."""
        found = shares.place(self, index)
        if not self.answered[index]:
            return found | {"error": self.errors.get(self.names[index], "unreadable")}
        return (
            found
            | {
                "number": float(self.values[index]),
                "low": float(self.low[index]),
                "high": float(self.high[index]),
            }
            | shares.unlike_record(self, index)
        )

    def text(self, index: int) -> str:
        """Returns such as ``"34 (90 %: 29 to 41)"``: the number and its prediction interval."""
        if not self.answered[index]:
            return self.errors.get(self.names[index], "unreadable")
        ends = f"{100 * self.level:.3g}%: {self.low[index]:.3g} to {self.high[index]:.3g}"
        return f"{self.values[index]:.3g} ({ends})" + shares.unlike_text(self, index)


def columns_of(record: dict[str, Any]) -> dict[str, Any]:
    """Flattens a record for a table: ``share`` of classes become ``share(name)`` columns.

    Columns of ``probabilities`` are ``p(name)``, for short. The parentheses keep a class that is
    called "name" or "truth" apart from other columns. A list of objects is one cell of JSON.
    """
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            word = _SHORT.get(key, key)
            flat |= {f"{word}({name})": each for name, each in value.items()}
        elif isinstance(value, list):
            nested = any(isinstance(each, dict) for each in value)
            flat[key] = json.dumps(value) if nested else " ".join(str(each) for each in value)
        else:
            flat[key] = value
    return flat


def predictions_html(predictions: Predictions) -> str:
    """Renders the first answers as an HTML table, for notebooks."""
    from html import escape

    n = len(predictions)
    rows = "".join(
        f"<tr><td>{escape(predictions.names[i])}</td><td>{escape(predictions.text(i))}</td></tr>"
        for i in range(min(n, _SHOWN))
    )
    caption = f"<caption>the first {_SHOWN} of {n:,}</caption>" if n > _SHOWN else ""
    return f"<table>{caption}{rows}</table>"
