"""Tables of predictions."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING

from headstart.records import Predictions

if TYPE_CHECKING:
    from rich.console import Console


__all__ = ["show_predictions", "show_predictions_csv"]


def _ranked(predictions: Predictions, index: int, top: int) -> list[tuple[str, float]]:
    row = predictions.probabilities[index]
    best = sorted(range(len(row)), key=lambda i: -row[i])[:top]
    return [(predictions.classes[i], float(row[i])) for i in best]


def show_predictions(
    predictions: Predictions, console: Console, top: int, abstain_below: float
) -> None:
    """Prints classes with probabilities, as a table for people."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("image", overflow="fold")
    numbers = predictions.numbers
    table.add_column("class" if numbers is None else "number", overflow="fold")
    chance = "probability" if numbers is None else "90 % prediction interval"
    table.add_column(chance, justify="right", no_wrap=True)
    for index, name in enumerate(predictions.names):
        if name in predictions.errors:
            table.add_row(Text(name), Text(predictions.errors[name], style="red"), "")
            continue
        if numbers is not None:
            number, low, high = numbers[index]
            table.add_row(Text(name), f"{number:.4g}", f"{low:.4g} to {high:.4g}")
            continue
        ranked = _ranked(predictions, index, top)
        if ranked[0][1] < abstain_below:
            table.add_row(Text(name), Text("not sure", style="yellow"), f"{ranked[0][1]:.3f}")
            continue
        for place, (label, probability) in enumerate(ranked):
            table.add_row(Text(name if not place else ""), Text(label), f"{probability:.3f}")
    console.print(table)


def show_predictions_csv(predictions: Predictions, top: int, abstain_below: float) -> None:
    """Prints them as CSV, for machines."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    numbers = predictions.numbers
    predicted = [] if numbers is None else ["number", "low", "high"]
    heads = [f"{kind}{rank}" for rank in range(1, top + 1) for kind in ("class", "probability")]
    table.writerow(["image", "decision", *predicted, *heads, "error"])
    for index, name in enumerate(predictions.names):
        if name in predictions.errors:
            table.writerow([name, "", *[""] * len(predicted + heads), predictions.errors[name]])
            continue
        ranked = _ranked(predictions, index, top)
        decision = ranked[0][0] if ranked[0][1] >= abstain_below else ""
        cells = [cell for label, p in ranked for cell in (label, f"{p:.5f}")]
        cells += [""] * (len(heads) - len(cells))
        row = [] if numbers is None else [f"{each:.6g}" for each in numbers[index]]
        table.writerow([name, decision, *row, *cells, ""])
