"""Tables of predictions."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from headstart.cells import csv_cell
from headstart.console.terminal import printable
from headstart.predictions import Predictions, columns_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


__all__ = ["show_predictions", "show_predictions_csv", "unanswered"]

# Answers that are seen at a glance need no summary, and a summary names no more than these.
_FEW = 5
_NAMED = 12


def _ranked(record: dict[str, Any], top: int) -> list[tuple[str, float]]:
    """Returns the most probable names of a record with their probabilities."""
    shares = record.get("probabilities") or {}
    return sorted(shares.items(), key=lambda pair: -pair[1])[:top]


def show_predictions(
    predictions: Predictions, console: Console, top: int, *, quiet: bool = False
) -> None:
    """Prints one answer a line, or the likeliest few of each, as a table for people.

    Args:
        predictions: What a model answered.
        console: Where to.
        top: How many classes of each.
        quiet: Answers alone, without how many there are of which.
    """
    from headstart.console.columns import names_table
    from headstart.console.screen import cell

    rows: list[list[Text]] = []
    records = [predictions.record(index) for index in range(len(predictions))]

    def add(name: str, answer: Text, probability: str = "") -> None:
        rows.append([cell(name), answer, cell(probability)])

    for index, (name, record) in enumerate(zip(predictions.names, records, strict=True)):
        ranked = _ranked(record, top)
        if "error" in record:
            add(name, cell(record["error"], style="red"))
        elif not ranked:
            add(name, cell(predictions.text(index)))
        elif record.get("unlike"):
            told = f"unlike anything it was trained on: perhaps {ranked[0][0]}"
            add(name, cell(told, style="yellow"), f"{ranked[0][1]:.3f}")
        elif not record["sure"]:
            leaning = cell(f"not sure: perhaps {ranked[0][0]}", style="yellow")
            add(name, leaning, f"{ranked[0][1]:.3f}")
        else:
            for place, (label, probability) in enumerate(ranked):
                add(name if not place else "", cell(label), f"{probability:.3f}")
    heads = ["image", "answer", "probability"]
    if not any("probabilities" in record for record in records):
        heads, rows = heads[:2], [row[:2] for row in rows]
    console.print(names_table(console, heads, rows, right=heads[2:]))
    if len(records) > _FEW and not quiet:
        told = getattr(predictions, "told", "") or _summary(records)
        console.print(f"{len(records):,} {_noun(predictions)}: {told}", markup=False)


def _noun(predictions: Predictions) -> str:
    if noun := getattr(predictions, "noun", ""):
        return str(noun)
    return "images" if len(set(predictions.names)) == len(predictions) else "answers"


def _summary(records: list[dict[str, Any]]) -> str:
    """Returns how often which answer was given, such as `66 ants, 4 bees`."""
    answered = [record for record in records if "error" not in record]
    numbers = [record["number"] for record in answered if "number" in record]
    if numbers:
        words = [f"{len(numbers):,} answers from {min(numbers):.3g} to {max(numbers):.3g}"]
    elif any("count" in record for record in answered):
        totals: Counter[str] = Counter()
        for record in answered:
            totals.update(record["count"])
        words = [f"{n:,} {name}" for name, n in totals.most_common(_NAMED) if n] or ["no object"]
        rest = sum(totals.values()) - sum(n for _, n in totals.most_common(_NAMED))
        words += [f"{rest:,} others"] if rest else []
    elif any("share" in record for record in answered):
        shares = [record["share"] for record in answered]
        mean = {name: sum(each[name] for each in shares) / len(shares) for name in shares[0]}
        order = sorted(mean, key=lambda name: -mean[name])[:_NAMED]
        words = ["of their area " + ", ".join(f"{name} {mean[name]:.1%}" for name in order)]
    else:
        counts = Counter(_answer(record) for record in answered)
        words = [f"{count:,} {name}" for name, count in counts.most_common(_NAMED)]
        rest = sum(counts.values()) - sum(count for _, count in counts.most_common(_NAMED))
        words += [f"{rest:,} others"] if rest else []
    missing = len(records) - len(answered)
    return ", ".join(words + ([f"{missing:,} without an answer"] if missing else []))


def _answer(record: dict[str, Any]) -> str:
    if not record.get("sure", True):
        return "not sure"
    return str(record.get("class", record.get("identity", "")))


def unanswered(result: Any) -> str:
    """Says why a result answers nothing at all, or nothing where it answers something.

    Args:
        result: Of any verb; those that are no answers to inputs always say something.
    """
    if hasattr(result, "answered") and hasattr(result, "errors"):
        if result.answered.any():
            return ""
        reasons = [f"{name}: {why}" for name, why in result.errors.items()]
    elif type(result).__name__ == "Identification":
        reasons = [f"{each.photo}: {each.error}" for each in result.answers if each.error]
        if len(reasons) < len(result.answers):
            return ""
    else:
        return ""
    if not reasons:
        return ""
    more = f" (and {len(reasons) - 1:,} more)" if len(reasons) > 1 else ""
    return f"nothing could be answered: {reasons[0]}{more}"


def _cell(value: Any) -> Any:
    """Returns what stands in a cell: names are no formulas, and command no terminal."""
    if isinstance(value, str):
        return csv_cell(printable(value) if sys.stdout.isatty() else value)
    return f"{value:.6g}" if isinstance(value, float) else value


def show_predictions_csv(predictions: Predictions, top: int) -> None:
    """Prints them as CSV, for machines: `Predictions.record` flattened, the likeliest few first."""
    several: Any = getattr(predictions, "table", None)  # of objects, a row each
    rows = []
    for index in range(len(predictions)):
        if several is not None:
            rows += [{k: _cell(v) for k, v in row.items()} for row in several(index)]
            continue
        record = predictions.record(index)
        ranked = _ranked(record, top)
        row = columns_of({k: v for k, v in record.items() if k != "probabilities"})
        for place, (label, probability) in enumerate(ranked[1:], 2):
            row |= {f"choice{place}": label, f"probability{place}": probability}
        rows.append({k: _cell(v) for k, v in row.items()})
    heads = list(dict.fromkeys(key for row in rows for key in row if key != "error"))
    table = csv.DictWriter(sys.stdout, [*heads, "error"], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
