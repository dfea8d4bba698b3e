"""The curves of a fine-tuning, epoch by epoch: loss and accuracy, drawn as `figures` draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
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
    number,
    percent,
    x_label,
    y_axis,
)

__all__ = ["accuracy_curve", "loss_curve"]

_DOTS = 25  # of more epochs the dots would run into each other
_HUGE = 1e5  # a loss that is written as a power of ten
_SAID = 6  # epochs that are read out; the table beside the figure holds them all


class _Plot:
    """One panel: an axis of epochs and one of values, and what is drawn between them.

    Args:
        epochs: Rows of history.csv, numbers or None, in order.
        low: Value at the bottom.
        high: Value at the top.
    """

    def __init__(self, epochs: Sequence[Record], low: float, high: float) -> None:
        self.epochs = epochs
        self.low, self.high = low, high
        self.first, self.last = epochs[0]["epoch"], epochs[-1]["epoch"]

    def x(self, epoch: float) -> float:
        """Returns the place of an epoch; in the middle where there is only one."""
        share = (epoch - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return LEFT + 12 + (WIDTH - 24) * share

    def y(self, value: float) -> float:
        """Returns the height of a value, never outside of the panel."""
        share = (value - self.low) / (self.high - self.low)
        return TOP + HEIGHT * (1 - min(1.0, max(0.0, share)))

    def labels(self) -> list[Markup]:
        """Returns the numbers of the epochs below the axis, far enough from each other."""
        room = (WIDTH - 24) / max(self.last - self.first, 1)
        step = next((step for step in (1, 5, 10, 50, 100, 500) if step * room >= 24), 1000)
        start = self.first if step < 5 else step * math.ceil((self.first + step / 2) / step)
        places = {self.first, *range(int(start), int(self.last) + 1, int(step))}
        return [x_label(self.x(place), f"{place:.0f}") for place in sorted(places)]

    def line(self, key: str, tone: str) -> list[Markup]:
        """Returns a line through the known values; it breaks where one is not known."""
        strokes: list[list[str]] = [[]]
        for row in self.epochs:
            if known(row.get(key)):
                strokes[-1].append(f"{self.x(row['epoch']):.1f},{self.y(row[key]):.1f}")
            else:
                strokes.append([])
        return [
            Markup('<polyline class="line {}" points="{}"/>').format(tone, " ".join(stroke))
            for stroke in strokes
            if len(stroke) > 1
        ]

    def dots(
        self, key: str, tone: str, *, kept: Collection[int] = (), radius: float = 2.5
    ) -> Markup:
        """Returns the values as dots where there is room, the kept epochs larger."""
        parts = []
        if len(self.epochs) == 1:  # there is no line that could be seen
            radius = 4
        for row in self.epochs:
            chosen = row["epoch"] in kept
            if known(row.get(key)) and (chosen or len(self.epochs) <= _DOTS):
                parts.append(
                    Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:g}"/>').format(
                        f"{tone} kept" if chosen else tone,
                        self.x(row["epoch"]),
                        self.y(row[key]),
                        4.5 if chosen else radius,
                    )
                )
        return Markup("").join(parts)

    def rate(self) -> list[Markup]:
        """Returns the learning rate as a shade on the floor; nothing where it tells nothing."""
        rows = [row for row in self.epochs if known(row.get("lr"))]
        most = max((row["lr"] for row in rows), default=0.0)
        if len(rows) < 2 or most <= 0:
            return []
        floor = TOP + HEIGHT
        path = " ".join(
            f"{self.x(row['epoch']):.1f},{floor - 0.3 * HEIGHT * row['lr'] / most:.1f}"
            for row in rows
        )
        ends = f"{self.x(rows[-1]['epoch']):.1f},{floor} {self.x(rows[0]['epoch']):.1f},{floor}"
        return [Markup('<polygon class="rate" points="{} {}"/>').format(path, ends)]


def _steps(least: float) -> Iterator[float]:
    """Yields round steps of an axis, from `least` on."""
    while True:
        yield from (least, 2 * least, 5 * least)
        least *= 10


def _values(epochs: Sequence[Record], *keys: str) -> list[float]:
    return [row[key] for row in epochs for key in keys if known(row.get(key))]


def _said(
    what: str, epochs: Sequence[Record], key: str, validation: str, text: Callable[[Any], str]
) -> str:
    """The figure in words: some epochs, the first and the last among them."""
    stride = max(1, math.ceil((len(epochs) - 1) / (_SAID - 1)))
    shown = [*epochs[:-1:stride], epochs[-1]]
    return f"{what} by epoch: " + "; ".join(
        f"epoch {row['epoch']:.0f} training {text(row.get(key))}, held out "
        f"{text(row.get(validation))}"
        for row in shown
    )


def loss_curve(epochs: Sequence[Record], kept: Collection[int] = ()) -> Markup:
    """Draws the loss of training and held-out images by epoch, over the learning rate.

    Args:
        epochs: Rows of history.csv, numbers or None, in order; at least one.
        kept: Epochs whose weights were kept.
    """
    values = _values(epochs, "loss", "val_loss") or [0.0, 1.0]
    bottom, top = min(values), max(values)
    # From nothing on where that does not flatten the curves, or labels would become too long.
    if bottom < 0.4 * top or top >= _HUGE:
        bottom = min(0.0, bottom)
    spread = max(top - bottom, 0.05 * abs(top), 1e-3)
    first = 10.0 ** math.floor(math.log10(spread / 5))
    step = next(s for s in _steps(first) if spread / s <= 4.5)
    low = math.floor(bottom / step) * step
    high = max(math.ceil(top / step - 1e-9) * step, low + step)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))

    def text(value: float) -> str:
        return number(value, digits) if high < _HUGE else f"{value:.2g}"

    plot = _Plot(epochs, low, high)
    parts = [
        *frame(_said("Loss", epochs, "loss", "val_loss", number), "epoch", "loss"),
        *plot.rate(),
        *y_axis(low, high, step=step, text=text),
        *plot.labels(),
        *plot.line("loss", "trained"),
        *plot.line("val_loss", "validation"),
        plot.dots("loss", "trained", radius=2),
        plot.dots("val_loss", "validation", kept=kept),
    ]
    return Markup("").join([*parts, Markup("</svg>")])


def accuracy_curve(
    epochs: Sequence[Record], kept: Collection[int] = (), probe: float | None = None
) -> Markup:
    """Draws the accuracy on training and held-out images by epoch.

    Args:
        epochs: Rows of history.csv, numbers or None, in order; at least one.
        kept: Epochs whose weights were kept.
        probe: Held-out accuracy of the probe it began with, drawn as a dashed line; or None.
    """
    probe = probe if known(probe) else None
    values = _values(epochs, "accuracy", "val_accuracy")
    if probe is not None:
        values.append(probe)
    # Never above 95 %, or curves that are right throughout would have no height.
    low = max(0.0, min(0.95, math.floor(20 * min(values, default=0.0)) / 20))
    high = min(1.0, max(math.ceil(20 * max(values, default=1.0) - 1e-9) / 20, low + 0.05))
    plot = _Plot(epochs, low, high)
    label = _said("Accuracy", epochs, "accuracy", "val_accuracy", percent)
    before: list[Markup] = []
    if probe is not None:
        label += f"; the probe {percent(probe)}"
        before = [
            Markup('<line class="probe" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>').format(
                LEFT, LEFT + WIDTH, plot.y(probe)
            )
        ]
    parts = [
        *frame(label, "epoch", "accuracy"),
        *y_axis(low, high),
        *plot.labels(),
        *before,
        *plot.line("accuracy", "trained"),
        *plot.line("val_accuracy", "validation"),
        plot.dots("accuracy", "trained", radius=2),
        plot.dots("val_accuracy", "validation", kept=kept),
    ]
    return Markup("").join([*parts, Markup("</svg>")])
