"""`Export`: what `export` left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.exporting.measure import Parity
    from headstart.exporting.quantise import Quantised

__all__ = ["Export"]


@dataclass(frozen=True)
class Export:
    """What `export` left behind.

    Attributes:
        folder: Where.
        summary: What was proven, and what was refused, in sentences.
        primary: Key of the measure that decides.
        files: One row a file: name, precision, megabytes, milliseconds and images a second, and
            under `primary` the measure on training images that nothing was calibrated on.
        parity: Of the fp32 file with torch on real images.
        int8: All ways that were tried, or None.
    """

    folder: str
    summary: tuple[str, ...]
    primary: str
    files: tuple[dict[str, Any], ...]
    parity: Parity
    int8: Quantised | None

    def __repr__(self) -> str:
        return f"Export({self.folder!r}: {' '.join(self.summary)})"

    def _repr_html_(self) -> str:
        from html import escape

        return "".join(f"<p>{escape(each)}</p>" for each in self.summary)
