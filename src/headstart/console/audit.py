"""What an audit found, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.auditing.wording import (
    line_of,
    line_of_quiet,
    lines_of_against,
    lines_of_corruptions,
    lines_of_kept,
    said_of_border,
    said_of_maps,
)
from headstart.console.parts import COLOURS, hang, sentence

if TYPE_CHECKING:
    from rich.console import Console

    from headstart.auditing.audit import Audit

__all__ = ["show_audit"]

_SUSPECTS = 5
_QUIET = 3  # columns that do not matter: more are said in one line
_COLOURS = {**COLOURS, "fine": "green"}


def show_audit(result: Audit, console: Console) -> None:
    """Prints verdicts, the figures behind those that are not fine, and what to do."""
    from headstart.console.screen import cell

    for line in result.repair:
        console.print(line, markup=False)
    console.print(f"{result.run}: {sentence(result.summary)}", markup=False)
    quiet = [each.column for each in result.columns if each.verdict == "fine" and not each.tied]
    if len(quiet) > _QUIET:
        hang(console, cell(line_of_quiet(result.columns)), lead="fine", style=_COLOURS["fine"])
    for each in result.said:
        if len(quiet) > _QUIET and each.column in quiet:
            continue
        hang(console, cell(each.claim), lead=each.verdict, style=_COLOURS[each.verdict])
        if each.verdict != "fine":
            for line in each.evidence:
                hang(console, cell(line, "dim"))
            hang(console, cell(f"→ {each.remedy}"))
    for other in result.outer:
        lead = "note" if other.verdict == "fine" else other.verdict  # as the page says
        hang(console, cell(other.claim), lead=lead, style=_COLOURS[lead])
        if other.remedy:
            hang(console, cell(f"→ {other.remedy}"))
    if result.border is not None:
        hang(console, cell(said_of_border(result.border)), style=_COLOURS["note"])
    if said := said_of_maps(result.maps):
        hang(console, cell(said), style=_COLOURS["note"])
    if result.corruptions is not None:
        first, *rest = lines_of_corruptions(result.corruptions)
        console.print(first, markup=False)
        for line in rest:
            hang(console, cell(line, "dim"))
    if result.against is not None:
        for line in lines_of_against(result.against):
            hang(console, cell(line))
    if result.labels:
        console.print(sentence(result.labels_said), markup=False)
        for suspect in result.labels[:_SUSPECTS]:
            hang(console, cell(line_of(suspect), "dim"))
    for line in lines_of_kept(result.asked):
        hang(console, cell(line, "dim"))
    for column, why in result.skipped.items():
        hang(console, cell(f"{column} was not asked: it {why}.", "dim"))
    if not result.said and result.classes:
        console.print("No column could be asked whether the model leans on it.")
    elif not result.said:
        console.print("No two groups of tested images could be compared.")
