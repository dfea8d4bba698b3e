"""Tables of predictions."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Any

from headstart.predictions import Predictions, columns_of

if TYPE_CHECKING:
    from rich.console import Console


__all__ = ["show_predictions", "show_predictions_csv"]


def _ranked(record: dict[str, Any], top: int) -> list[tuple[str, float]]:
    """Returns the most probable names of a record with their probabilities."""
    shares = record.get("probabilities") or {}
    return sorted(shares.items(), key=lambda pair: -pair[1])[:top]


def show_predictions(predictions: Predictions, console: Console, top: int) -> None:
    """Prints one answer a line, or the likeliest few of each, as a table for people."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("image", overflow="fold")
    table.add_column("answer", overflow="fold")
    records = [predictions.record(index) for index in range(len(predictions))]
    if any("probabilities" in record for record in records):
        table.add_column("probability", justify="right", no_wrap=True)
    for index, (name, record) in enumerate(zip(predictions.names, records, strict=True)):
        ranked = _ranked(record, top)
        if "error" in record:
            table.add_row(Text(name), Text(record["error"], style="red"))
        elif not ranked:
            table.add_row(Text(name), Text(predictions.text(index)))
        elif not record["sure"]:
            table.add_row(Text(name), Text("not sure", style="yellow"), f"{ranked[0][1]:.3f}")
        else:
            for place, (label, probability) in enumerate(ranked):
                table.add_row(Text(name if not place else ""), Text(label), f"{probability:.3f}")
    console.print(table)


def show_predictions_csv(predictions: Predictions, top: int) -> None:
    """Prints them as CSV, for machines: `Predictions.record` flattened, the likeliest few first."""
    records = [predictions.record(index) for index in range(len(predictions))]
    rows = []
    for record in records:
        ranked = _ranked(record, top)
        row = columns_of({k: v for k, v in record.items() if k != "probabilities"})
        for place, (label, probability) in enumerate(ranked[1:], 2):
            row |= {f"choice{place}": label, f"probability{place}": probability}
        rows.append({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
    heads = list(dict.fromkeys(key for row in rows for key in row if key != "error"))
    table = csv.DictWriter(sys.stdout, [*heads, "error"], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
