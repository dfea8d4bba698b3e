"""`Export`: what an export left behind, and what was proven of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headstart.records import Estimate

__all__ = ["HOLDS", "Attempt", "Export", "Parity", "Quantised"]

HOLDS = "export.json"
"""What tells an export from another folder."""


@dataclass(frozen=True)
class Parity:
    """How two models differ on the same images.

    Attributes:
        images: How many.
        other_answers: How many have another answer; ties do not count.
        largest_difference: Of any output; of one above 1, as a share of it.
        same: Whether no answer differs, and no output by more than a thousandth; of masks, at most
            one pixel in 100,000, and no probability by more than a ten-thousandth.
        pixels: Of all images, where every pixel is answered.
        other_pixels: Of those, how many have another class.
    """

    images: int
    other_answers: int
    largest_difference: float
    same: bool
    pixels: int = 0
    other_pixels: int = 0

    @property
    def told(self) -> str:
        """How many answers differ, in words."""
        if self.pixels:
            return f"{self.other_pixels:,} of {self.pixels:,} pixels get another class"
        return f"{self.other_answers} of {self.images} answers differ"


@dataclass(frozen=True)
class Attempt:
    """One way to quantise, and what it cost.

    Attributes:
        method: How ranges of activations were found.
        in_float: Layers that stayed in floating point.
        change: Of the deciding measure on new images, as `expected_change` sees it.
        lost: What that may cost, in points or per cent, see `cost.lost`.
        agreement: Share of the compared training images, or of their pixels or objects, that keep
            their answer.
    """

    method: str
    in_float: tuple[str, ...]
    change: Estimate
    lost: float
    agreement: float


@dataclass(frozen=True)
class Quantised:
    """What came of quantising.

    Attributes:
        attempts: All; the last is the one that was kept, or that was tried last.
        kept: Whether one was good enough.
        worst: The layers that suffer most, the worst first.
        compared_on: Images.
    """

    attempts: tuple[Attempt, ...]
    kept: bool
    worst: tuple[str, ...]
    compared_on: int


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
        task: Whose measures they are.
    """

    folder: str
    summary: tuple[str, ...]
    primary: str
    files: tuple[dict[str, Any], ...]
    parity: Parity
    int8: Quantised | None
    task: str = ""

    def __repr__(self) -> str:
        return f"Export({self.folder!r}: {' '.join(self.summary)})"

    def _repr_html_(self) -> str:
        from html import escape

        return "".join(f"<p>{escape(each)}</p>" for each in self.summary)
