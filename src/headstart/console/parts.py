"""What several tables are made of: findings, estimates with intervals, hanging text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.records import Estimate, Finding

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


__all__ = [
    "CLASSES",
    "COLOURS",
    "hang",
    "sentence",
    "show_estimates",
    "show_findings",
    "show_set_aside",
]

CLASSES = 40
COLOURS = {"serious": "bold red", "warning": "yellow", "note": "cyan"}
_SHOWN = 6
_INDENT = 9


def hang(console: Console, text: Text, *, lead: str = "", style: str = "") -> None:
    """Prints a text whose lines all begin below each other, `_INDENT` characters in."""
    from rich.text import Text

    from headstart.console.columns import words_cut
    from headstart.console.screen import seen

    width = max(20, console.width - _INDENT)
    for line in words_cut(seen(text), width).wrap(console, width):
        line.rstrip()
        console.print(Text.assemble((f"{lead:{_INDENT}}", style), line))
        lead = ""


def show_findings(findings: list[Finding] | tuple[Finding, ...], console: Console) -> None:
    """Prints findings: claim, evidence by name, remedy."""
    from headstart.console.screen import cell

    for finding in findings:
        hang(console, cell(finding.claim), lead=finding.severity, style=COLOURS[finding.severity])
        evidence = finding.evidence[:_SHOWN]
        for line in evidence:
            hang(console, cell(line, "dim"))
        if len(finding.evidence) > _SHOWN:
            hang(console, cell(f"… and more: --json names {len(finding.evidence)}", "dim"))
        hang(console, cell(f"→ {finding.remedy}"))


def show_estimates(rows: list[tuple[str, Estimate]], console: Console, *, digits: int = 3) -> None:
    """Prints names, values and 95 % intervals in columns."""
    from rich.table import Table

    from headstart.console.screen import cell

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("", "value", "95% interval", "n"):
        table.add_column(
            heading,
            justify="right" if heading else "left",
            no_wrap=bool(heading),
            overflow="ellipsis",
        )
    for name, estimate in rows:
        if estimate.undefined:
            table.add_row(cell(name), "undefined", estimate.undefined[len("undefined: ") :], "")
            continue
        form = f"z.{digits}f"  # z: never -0.000
        interval = f"{estimate.low:{form}} – {estimate.high:{form}}"
        table.add_row(cell(name), f"{estimate.value:{form}}", interval, f"{estimate.n:,}")
    console.print(table)


def sentence(text: str) -> str:
    """Returns a text with a capital at its beginning and a full stop at its end."""
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def show_set_aside(errors: dict[str, str], console: Console) -> None:
    """Prints what could not be used, and why."""
    for name, reason in list(errors.items())[:CLASSES]:
        console.print(f"set aside: {name}: {reason}", markup=False)
    if len(errors) > CLASSES:
        console.print(f"… and {len(errors) - CLASSES} more: --json has all", style="dim")
