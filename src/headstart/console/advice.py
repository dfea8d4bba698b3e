"""Tables of advice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headstart.console.parts import show_estimates, show_findings
from headstart.console.runs import show_retrieval

if TYPE_CHECKING:
    from rich.console import Console

    from headstart.advice.advise_classes import Advice
    from headstart.advice.advise_people import PeopleAdvice
    from headstart.advice.advise_places import PlacedAdvice

__all__ = ["show_advice", "show_people_advice", "show_placed_advice"]


def show_advice(result: Advice, console: Console) -> None:
    """Prints backbones, trials and the answer in sentences."""
    from rich.table import Table

    from headstart.console.screen import cell

    console.print(f"{result.data}: {_told(result.facts)}", markup=False)
    show_findings(result.findings, console)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("backbone", "px", "accuracy", "95% interval", "features", "seconds"):
        left = heading in ("backbone", "features")
        table.add_column(heading, justify="left" if left else "right")
    for each in result.candidates:
        table.add_row(
            cell(each.backbone), str(each.image_size), f"{each.accuracy.value:.3f}",
            f"{each.accuracy.low:.3f} – {each.accuracy.high:.3f}", each.features,
            f"{each.seconds:.0f}",
        )  # fmt: skip
    console.print(table)
    console.print(
        "accuracy of the best classifier of frozen features, cross-validated: the best of many is "
        "partly the luckiest", markup=False, style="dim",
    )  # fmt: skip
    show_estimates(
        [
            (candidate.name, candidate.validation)
            for candidate in result.tried
            if candidate.validation is not None
        ],
        console,
    )
    for name, reason in result.skipped.items():
        console.print(f"not tried: {name}: {reason}", markup=False, style="dim")
    for line in result.summary:
        console.print(f"• {line}", markup=False)
    console.print(f"  {result.rule_of_thumb}", markup=False, style="dim")
    console.print(f"→ {result.command}", markup=False)


def _told(facts: dict[str, Any]) -> str:
    """Returns what can be said without a network, in a line."""
    return "; ".join(f"{name}: {value}" for name, value in facts.items())


def show_people_advice(result: PeopleAdvice, console: Console) -> None:
    """Prints what stands between some images and an embedding of identities."""
    facts = result.facts
    console.print(
        f"{result.data}: {facts.images:,} images of {facts.identities} identities, "
        f"{facts.per_identity:,} each, {facts.short_side} px at the shorter side",
        markup=False,
    )
    show_findings(result.findings, console)
    show_retrieval(list(result.rows.items()), console)
    for name, reason in result.skipped.items():
        console.print(f"not tried: {name}: {reason}", markup=False, style="dim")
    for line in result.summary:
        console.print(f"• {line}", markup=False)
    console.print(f"→ {result.command}", markup=False)


def show_placed_advice(result: PlacedAdvice, console: Console) -> None:
    """Prints what was measured of masks or boxes, and the answer in sentences."""
    console.print(f"{result.data}: {_told(result.facts)}", markup=False)
    show_findings(result.findings, console)
    show_estimates(list(result.rows.items()), console)
    for name, reason in result.skipped.items():
        console.print(f"not tried: {name}: {reason}", markup=False, style="dim")
    for line in result.summary:
        console.print(f"• {line}", markup=False)
    console.print(f"→ {result.command}", markup=False)
