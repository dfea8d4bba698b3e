"""Records that every floor speaks in: `Estimate`, `Finding`, `OutputSpec`.

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

__all__ = ["Estimate", "Finding", "OutputSpec", "Severity", "is_number", "to_json"]

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

    @property
    def undefined(self) -> str:
        """Why there is no number, for people; "" where there is one."""
        if not math.isnan(self.value):
            return ""
        return self.method if self.method.startswith("undefined") else "undefined"

    def __str__(self) -> str:
        if self.undefined:
            return self.undefined
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
        regions: Where on its image each line of evidence is about: left, top, right and bottom in
            pixels, or None; empty where all are about whole images.
    """

    check: str
    severity: Severity
    claim: str
    evidence: tuple[str, ...]
    remedy: str
    count: int = 0
    regions: tuple[tuple[float, float, float, float] | None, ...] = ()


@dataclass(frozen=True)
class OutputSpec:
    """What must be known to turn the outputs of a model back into answers; JSON keeps it.

    Attributes:
        task: Whose `decode` understands the outputs, such as ``"classification"``.
        names: C names of the output columns: classes, ranges, identities.
        settings: What else the task needs, such as the edges of ranges.
    """

    task: str
    names: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> OutputSpec:
        """Rebuilds it as JSON kept it.

        Raises:
            ValueError: If it is none: names that are no list of different names, numbers that are
                not finite.
        """
        names, settings = value["names"], value["settings"]
        if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
            raise ValueError("the names of the answers are no list of different names")
        if not all(isinstance(each, str) for each in names):
            raise ValueError("the names of the answers are no list of different names")
        if not isinstance(settings, dict) or not _is_finite(settings):
            raise ValueError("the settings of the answers hold what is no finite number")
        return cls(str(value["task"]), tuple(names), dict(settings))


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_finite(each) for each in value)
    return not isinstance(value, float) or math.isfinite(value)


def is_number(value: object) -> bool:
    """Tells whether something that was read from JSON is a finite number."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -1e308 < value < 1e308  # type: ignore[operator]


def _plain(value: Any) -> Any:
    """Turns records and arrays into what JSON can hold; NaN and infinity become None."""
    if hasattr(value, "as_json") and not isinstance(value, type):
        return _plain(value.as_json())
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
        value: Dataclasses, dicts, sequences, arrays and scalars. A record whose `as_json` says what
            JSON shows of it is asked.

    Returns:
        JSON text; numbers that are not finite become ``null``.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)
