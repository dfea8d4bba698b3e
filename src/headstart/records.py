"""Records that every floor speaks in: `Estimate`, `Finding`, `Predictions`.

They are plain frozen dataclasses, so that a function returns a record, the command
line prints it, the report renders it and JSON keeps it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from headstart.scale import Bins

__all__ = ["Estimate", "Finding", "Predictions", "Severity", "to_json"]

Severity = Literal["serious", "warning", "note"]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: The point estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Number of items that the estimate rests on.
        method: How the interval was made, e.g. ``"Wilson 95 %"``.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Estimate:
        """Rebuilds an estimate as JSON kept it; `null` is NaN again."""
        numbers = [value[key] for key in ("value", "low", "high")]
        middle, low, high = (math.nan if each is None else float(each) for each in numbers)
        return cls(middle, low, high, int(value["n"]), str(value["method"]))

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True)
class Finding:
    """What a check has to say about the data.

    Attributes:
        check: Short stable name of the check, e.g. ``"near_duplicates_across_splits"``.
        severity: ``"serious"`` (results would mislead), ``"warning"`` or ``"note"``.
        claim: One plain sentence.
        evidence: Names of files, or groups of files joined by `` = ``; at most a few dozen.
        remedy: What to do about it.
        count: How many things the claim is about (evidence may show fewer).
    """

    check: str
    severity: Severity
    claim: str
    evidence: tuple[str, ...]
    remedy: str
    count: int = 0


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of some items, shapes checked on construction.

    Attributes:
        probabilities: (N, C) float, rows sum to one. NaN rows are unreadable inputs.
        classes: C class names.
        names: N names of the items (relative paths).
        targets: (N,) int class indices, or None when unknown.
        errors: item name -> reason, for inputs that could not be read.
        boxes: (N, 4) left, top, width, height in pixels, where items are faces on photos.
        bins: Of a regression model: the classes are its bins.
    """

    probabilities: np.ndarray
    classes: tuple[str, ...]
    names: tuple[str, ...]
    targets: np.ndarray | None = None
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    bins: Bins | None = None

    def __post_init__(self) -> None:
        shape = (len(self.names), len(self.classes))
        if self.probabilities.shape != shape:
            raise ValueError(f"probabilities must be {shape}, got {self.probabilities.shape}")
        if self.targets is not None and self.targets.shape != shape[:1]:
            raise ValueError(f"targets must be {shape[:1]}, got {self.targets.shape}")
        if self.boxes is not None and self.boxes.shape != (len(self.names), 4):
            raise ValueError(f"boxes must be {(len(self.names), 4)}, got {self.boxes.shape}")

    def __repr__(self) -> str:
        shown = ", ".join(self.classes[:5]) + (", …" if len(self.classes) > 5 else "")
        return f"Predictions({len(self.names):,} items; classes {shown})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = []
        numbers = None if self.bins is None else self.bins.numbers(self.probabilities[:50])
        for i, name in enumerate(self.names[:50]):
            label = int(self.labels[i])
            text = self.errors.get(name, "unreadable") if label < 0 else self.classes[label]
            chance = "" if label < 0 else f"{self.confidences[i]:.3f}"
            if numbers is not None and label >= 0:
                text = f"{numbers[i, 0]:.4g}"
                chance = f"{numbers[i, 1]:.4g}–{numbers[i, 2]:.4g}"
            rows.append(f"<tr><td>{escape(name)}</td><td>{escape(text)}</td><td>{chance}</td></tr>")
        n = len(self.names)
        rest = f"<caption>the first 50 of {n:,}</caption>" if n > 50 else ""
        return f"<table>{rest}{''.join(rows)}</table>"

    @property
    def labels(self) -> np.ndarray:
        """(N,) int indices of the most probable class; -1 where the input was unreadable."""
        bad = np.isnan(self.probabilities).any(axis=1)
        return np.where(bad, -1, np.nan_to_num(self.probabilities, nan=-1.0).argmax(axis=1))

    @property
    def confidences(self) -> np.ndarray:
        """(N,) float probability of the most probable class; NaN where unreadable."""
        return self.probabilities.max(axis=1)

    @property
    def numbers(self) -> np.ndarray | None:
        """(N, 3) number and the ends of its 90 % range; None where classes are predicted."""
        return None if self.bins is None else self.bins.numbers(self.probabilities)


def _plain(value: Any) -> Any:
    """Turns records and arrays into what JSON can hold; NaN and infinity become None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def to_json(value: Any) -> str:
    """Renders any record, or any nesting of records, as indented JSON.

    Args:
        value: Dataclasses, dicts, sequences, arrays and scalars.

    Returns:
        JSON text; numbers that are not finite become ``null``.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)
