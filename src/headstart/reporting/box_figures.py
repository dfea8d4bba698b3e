"""The report's figures of boxes: precision against recall, and how large objects are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from headstart.reporting.figures import (
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    Record,
    frame,
    known,
    percent,
    x_label,
    y_axis,
)

__all__ = ["precision_recall", "size_histogram"]

_LINES = 8  # of more classes the lines would hide each other
_WIDEST, _WORD = 40.0, 52.0  # pixels of a bar, and of a range in words


def precision_recall(
    curves: Sequence[Record], colours: Sequence[str], rows: Sequence[Record] = ()
) -> Markup:
    """Draws precision against recall of every class; of many, of those with most objects.

    Args:
        curves: ``{"class", "recall", "precision"}`` of each class.
        colours: Of the classes, as the page writes them.
        rows: Of the classes, with ``boxes`` and where they stand at the operating threshold
            (``precision`` and ``recall``, estimates); a dot for each.
    """
    order = list(range(len(curves)))
    if len(order) > _LINES:
        boxes = [row.get("boxes") or 0 for row in rows] or [0] * len(curves)
        order = sorted(order, key=lambda each: -boxes[each])[:_LINES]

    def place(recall: float, precision: float) -> tuple[float, float]:
        return LEFT + WIDTH * recall, TOP + HEIGHT * (1 - precision)

    label = "Precision against recall: " + "; ".join(_said(curves[each]) for each in order)
    parts = [*frame(label, "recall: found of what is there", "precision: right of what is found")]
    parts += y_axis(0.0, 1.0)
    parts += [x_label(LEFT + WIDTH * share, percent(share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    for each in order:
        points = zip(curves[each]["recall"], curves[each]["precision"], strict=True)
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        parts.append(
            Markup('<polyline class="line" style="stroke:{}" points="{}"/>').format(
                colours[each], path
            )
        )
    for each in order:
        at = [((rows[each].get(key) or {}).get("value") if rows else None) for key in _AT]
        if all(known(value) for value in at):
            x, y = place(*at)  # type: ignore[arg-type]
            parts.append(
                Markup('<circle class="at" style="fill:{}" cx="{:.1f}" cy="{:.1f}" r="4.5"/>')
                .format(colours[each], x, y)
            )  # fmt: skip
    return Markup("").join([*parts, Markup("</svg>")])


_AT = ("recall", "precision")


def _said(curve: Record) -> str:
    """A curve in words: the precision at three recalls."""
    count = len(curve["precision"])
    shown = [(share, curve["precision"][round(share * (count - 1))]) for share in (0.25, 0.5, 0.75)]
    at = ", ".join(f"{percent(value)} at {percent(share)}" for share, value in shown)
    return f"{curve['class']} {at}"


def size_histogram(sizes: dict[str, Any]) -> Markup:
    """Draws how many objects of each size there are, how many of them were found, and false alarms.

    Args:
        sizes: ``edges`` of the sides in pixels, and ``there``, ``found`` and ``false`` counts.
    """
    edges, there = sizes["edges"], sizes["there"]
    found, false = sizes["found"], sizes["false"]
    used = [i for i in range(len(there)) if there[i] or false[i]]
    first, last = (min(used), max(used)) if used else (0, len(there) - 1)
    shown = range(first, last + 1)
    most = max((max(there[i], false[i]) for i in shown), default=1) or 1
    step = next(s for s in _rounds() if most / s <= 5)
    high = max(step * -(-most // step), step)
    words = [_range(edges, i) for i in shown]
    label = "Sizes: " + "; ".join(
        f"{word} px {there[i]} there, {found[i]} found, {false[i]} false alarms"
        for word, i in zip(words, shown, strict=True)
    )
    parts = [*frame(label, "side of the box, in pixels (root of its area)", "objects")]
    parts += y_axis(0.0, float(high), step=float(step), text=lambda value: f"{value:,.0f}")
    room = WIDTH / len(words)
    for number, (word, i) in enumerate(zip(words, shown, strict=True)):
        wide = min(0.4 * room, _WIDEST)
        left = LEFT + room * (number + 0.5) - wide
        parts += [_bar("there", left, wide, there[i] / high)]
        parts += [_bar("found", left, wide, found[i] / high)]
        parts += [_bar("false", left + wide, wide, false[i] / high)]
        if room >= _WORD or number % 2 == 0:
            parts.append(x_label(LEFT + room * (number + 0.5), word))
    return Markup("").join([*parts, Markup("</svg>")])


def _bar(kind: str, left: float, wide: float, share: float) -> Markup:
    high = HEIGHT * share
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, left, TOP + HEIGHT - high, wide, high
    )


def _rounds() -> list[int]:
    return [unit * 10**power for power in range(9) for unit in (1, 2, 5)]


def _range(edges: Sequence[int], place: int) -> str:
    return f"{edges[place]}–{edges[place + 1]}" if place + 1 < len(edges) else f"{edges[place]}+"
