"""The report's figures: small pieces of SVG and HTML, drawn by hand.

Not matplotlib: importing it and drawing takes two seconds, a fifth of a whole training run.
These are also sharper, follow dark mode through the page's CSS variables, reflow on a
phone, and weigh a few hundred bytes each. `Markup.format` escapes every text put in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup

__all__ = [
    "dots",
    "duration",
    "in_points",
    "draw_learning_curve",
    "number",
    "percent",
    "reliability_diagram",
    "signed",
    "span",
    "track",
]

Record = Mapping[str, Any]

LEFT, TOP, WIDTH, HEIGHT = 58, 10, 276, 190  # the plotting area; the rest is for labels


def known(value: Any) -> bool:
    """Returns whether a value can be drawn."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def number(value: Any, digits: int = 3) -> str:
    """Returns a number with a fixed count of decimals; a dash when it is unknown."""
    return f"{value:,.{digits}f}" if known(value) else "–"


def percent(value: Any, digits: int = 0) -> str:
    """Returns a share as per cent; a dash when it is unknown."""
    return f"{100 * value:.{digits}f}%" if known(value) else "–"


def _digits(estimate: Record) -> int:
    """One decimal only where the interval is narrow enough to deserve it."""
    width = estimate["high"] - estimate["low"]
    return 1 if width < 0.04 else 0


def span(estimate: Record | None, *, unit: Literal["share", "plain"] = "share") -> str:
    """Returns an estimate in words, e.g. ``"96% (92–98)"``; a dash when it is unknown.

    Args:
        estimate: The JSON form of an Estimate.
        unit: ``"share"`` as per cent, ``"plain"`` as a number.
    """
    if not estimate or not all(known(estimate.get(key)) for key in ("value", "low", "high")):
        return "–"
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if unit == "plain":
        return f"{value:.3f} ({low:.3f}–{high:.3f})"
    digits = _digits(estimate)
    return f"{100 * value:.{digits}f}% ({100 * low:.{digits}f}–{100 * high:.{digits}f})"


def in_points(difference: Record | None) -> str:
    """Returns a difference of shares in words, e.g. ``"+3 points (+1 to +6)"``; or a dash.

    Args:
        difference: The JSON form of an Estimate.
    """
    if not difference or not all(known(difference.get(key)) for key in ("value", "low", "high")):
        return "–"
    hidden = any(0 < abs(100 * difference[key]) < 0.5 for key in ("low", "high"))
    digits = 1 if hidden else _digits(difference)  # "-6 to 0" would hide on which side it ends
    value, low, high = (f"{100 * difference[key]:+z.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} points ({low} to {high})"


def signed(difference: Record | None) -> str:
    """Returns a difference in words, e.g. ``"+0.25 (-0.10 to +0.60)"``; or a dash.

    Args:
        difference: The JSON form of an Estimate.
    """
    if not difference or not all(known(difference.get(key)) for key in ("value", "low", "high")):
        return "–"
    value, low, high = (f"{difference[key]:+z.2f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def duration(seconds: Any) -> str:
    """Returns a time in words, e.g. ``"12 s"``, ``"3.5 min"``; a dash when it is unknown."""
    if not known(seconds):
        return "–"
    if seconds < 90:
        return f"{seconds:.{1 if seconds < 10 else 0}f} s"
    value, unit = (seconds / 60, "min") if seconds < 5400 else (seconds / 3600, "h")
    return f"{value:.{1 if value < 10 else 0}f} {unit}"


def track(
    estimate: Record | None, *, low: float = 0.0, high: float = 1.0, tone: str = ""
) -> Markup:
    """Draws an estimate as a dot on its interval, on a line from `low` to `high`.

    Hidden from screen readers: the numbers stand beside it.

    Args:
        estimate: The JSON form of an Estimate.
        low: Value at the left end.
        high: Value at the right end.
        tone: CSS class, e.g. ``"quiet"``.
    """
    if not estimate or not known(estimate.get("value")) or high <= low:
        return Markup('<span class="track" aria-hidden="true"></span>')

    def place(value: Any) -> float:
        share = (value - low) / (high - low) if known(value) else 0.0
        return 100 * min(1.0, max(0.0, share))

    start, end = place(estimate.get("low")), place(estimate.get("high"))
    return Markup(
        '<span class="track {}" aria-hidden="true"><i style="left:{:.1f}%;width:{:.1f}%"></i>'
        '<b style="left:{:.1f}%"></b></span>'
    ).format(tone, start, max(end - start, 0.5), place(estimate["value"]))


def dots(accuracy: Record) -> Markup:
    """Draws a hundred images as dots: surely right, within the uncertainty, surely wrong."""
    sure, possible = math.floor(100 * accuracy["low"]), math.ceil(100 * accuracy["high"] - 1e-9)
    label = Markup("Of 100 images, {} to {} correct").format(sure, possible)
    parts = [
        Markup('<svg class="dots" viewBox="0 0 200 200" role="img" aria-label="{}">').format(label)
    ]
    for i in range(100):
        tone = "sure" if i < sure else "maybe" if i < possible else "wrong"
        x, y = 10 + 20 * (i % 10), 10 + 20 * (i // 10)
        parts.append(Markup('<circle class="{}" cx="{}" cy="{}" r="7"/>').format(tone, x, y))
    return Markup("").join([*parts, Markup("</svg>")])


def frame(label: str, x_title: str, y_title: str) -> list[Markup]:
    """Returns the opening of a chart with its axes' titles."""
    middle, bottom = LEFT + WIDTH / 2, TOP + HEIGHT + 38
    return [
        Markup('<svg class="chart" viewBox="0 0 350 245" role="img" aria-label="{}">').format(
            label
        ),
        Markup('<text class="title" x="{:g}" y="{:g}" text-anchor="middle">{}</text>').format(
            middle, bottom, x_title
        ),
        Markup(
            '<text class="title" x="10" y="{0:g}" text-anchor="middle" '
            'transform="rotate(-90 10 {0:g})">{1}</text>'
        ).format(TOP + HEIGHT / 2, y_title),
    ]


def y_axis(
    low: float, high: float, *, step: float = 0.0, text: Callable[[float], str] = percent
) -> list[Markup]:
    """Returns lines and labels between `low` and `high`, four or five unless `step` is given."""
    if not step:
        step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if (high - low) / s <= 5.01)
    parts = []
    value = math.ceil(low / step - 1e-9) * step
    while value <= high + 1e-9:
        y = TOP + HEIGHT * (1 - (value - low) / (high - low))
        parts.append(
            Markup(
                '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
                '<text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
            ).format(LEFT, LEFT + WIDTH, y, LEFT - 6, y + 4, text(value))
        )
        value += step
    return parts


def x_label(x: float, text: str) -> Markup:
    """Returns a label below the plotting area."""
    return Markup('<text x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>').format(
        x, TOP + HEIGHT + 18, text
    )


def reliability_diagram(after: Sequence[Record], before: Sequence[Record] = ()) -> Markup:
    """Draws confidence against accuracy; the area of a dot is the number of images.

    Args:
        after: Bins of the calibrated model, as `score` gives them.
        before: Bins before temperature scaling, drawn hollow; may be empty.
    """

    def x(value: float) -> float:
        return LEFT + WIDTH * value

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - value)

    label = "Reliability: " + "; ".join(
        f"confidence {bin_['confidence']:.0%}, right {bin_['accuracy']:.0%}, {bin_['n']} images"
        for bin_ in after
    )
    parts = [*frame(label, "how sure the model was", "how often it was right"), *y_axis(0, 1)]
    parts += [x_label(x(value), f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 1)]
    parts.append(
        Markup('<line class="ideal" x1="{:g}" y1="{:g}" x2="{:g}" y2="{:g}"/>').format(
            x(0), y(0), x(1), y(1)
        )
    )
    for bins, tone in ((before, "before"), (after, "after")):
        most = max((bin_["n"] for bin_ in bins), default=1)
        for bin_ in bins:
            radius = 3 + 7 * math.sqrt(bin_["n"] / most)
            parts.append(
                Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(
                    tone, x(bin_["confidence"]), y(bin_["accuracy"]), radius
                )
            )
    return Markup("").join([*parts, Markup("</svg>")])


def draw_learning_curve(
    points: Sequence[Record],
    forecast: Record | None = None,
    measure: tuple[str, str] = ("accuracy", "accuracy"),
) -> Markup:
    """Draws accuracy against the number of training images, on a logarithmic axis.

    Args:
        points: ``{"n", key: Estimate}`` in rising order.
        forecast: The same for a size not yet seen, drawn dashed; or None.
        measure: That key, and what it is called.
    """
    key, words = measure
    every = [*points, forecast] if forecast else list(points)
    start, end = math.log(every[0]["n"]), math.log(every[-1]["n"])
    lows = [point[key]["low"] for point in every]
    highs = [point[key]["high"] for point in every]
    # Never above 95 %, or a curve that is right throughout would have no height.
    bottom = max(0.0, min(0.95, math.floor(20 * min(lows)) / 20))
    top = min(1.0, max(math.ceil(20 * max(highs)) / 20, bottom + 0.05))

    def x(n: float) -> float:
        share = (math.log(n) - start) / (end - start) if end > start else 0.5
        return LEFT + 14 + (WIDTH - 28) * share

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - (min(max(value, bottom), top) - bottom) / (top - bottom))

    label = "Learning curve: " + "; ".join(
        f"{point['n']} images {span(point[key])}" for point in every
    )
    parts = [*frame(label, "training images", words), *y_axis(bottom, top)]
    last = -math.inf
    for point in every:
        here = x(point["n"])
        if here - last >= 34:  # labels never overlap
            parts.append(x_label(here, f"{point['n']:,}"))
            last = here
    path = " ".join(f"{x(p['n']):.1f},{y(p[key]['value']):.1f}" for p in points)
    parts.append(Markup('<polyline class="line" points="{}"/>').format(path))
    if forecast:
        ends = [points[-1], forecast]
        path = " ".join(f"{x(p['n']):.1f},{y(p[key]['value']):.1f}" for p in ends)
        parts.append(Markup('<polyline class="line ahead" points="{}"/>').format(path))
    for point in every:
        tone = "before" if point is forecast else "after"
        estimate = point[key]
        parts.append(
            Markup(
                '<line class="whisker" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
                '<circle class="{3}" cx="{0:.1f}" cy="{4:.1f}" r="5"/>'
            ).format(
                x(point["n"]), y(estimate["low"]), y(estimate["high"]), tone, y(estimate["value"])
            )
        )
    return Markup("").join([*parts, Markup("</svg>")])
