"""The report's image of predicted numbers: each against the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from headstart.reporting.figures import HEIGHT, LEFT, TOP, WIDTH, frame, x_label, y_axis

__all__ = ["scatter"]


def _ticks(low: float, high: float, *, whole: bool = False) -> float:
    """Returns a round distance that puts three to six lines between two numbers, or counts."""
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = unit * min((1, 2, 2.5, 5, 10), key=lambda step: abs(step - rough / unit))
    return max(1.0, round(step)) if whole else step


def scatter(points: Sequence[Sequence[float]], name: str) -> Markup:
    """Draws predicted numbers against true ones; on the dotted line they are the same.

    Args:
        points: Truth, number predicted, low and high of each image.
        name: What is predicted, for the axes.
    """
    values = [value for point in points for value in point[:2]]
    low, high = min(values), max(values)
    low, high = (low, high) if low < high else (low - 1, high + 1)

    def x(value: float) -> float:
        return LEFT + WIDTH * (value - low) / (high - low)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - (value - low) / (high - low))

    step = _ticks(low, high, whole=all(float(value).is_integer() for value in values))
    label = (
        f"{name}: {len(points)} images, truth from {low:g} to {high:g} against what was predicted"
    )
    parts = frame(label, f"{name}, truth", f"{name}, predicted")
    parts += y_axis(low, high, step=step, text=lambda value: f"{value:.6g}")
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    parts += [x_label(x((first + i) * step), f"{(first + i) * step:.6g}") for i in range(count)]
    line = Markup('<line class="ideal" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    parts.append(line.format(x(low), y(low), x(high), y(high)))
    dot = Markup('<circle class="point" cx="{:.1f}" cy="{:.1f}" r="2"/>')
    parts += [dot.format(x(point[0]), y(point[1])) for point in points]
    return Markup("").join([*parts, Markup("</svg>")])
