"""Tables of faces and of galleries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.tables.parts import show_estimates, show_findings, show_set_aside

if TYPE_CHECKING:
    from rich.console import Console

    from headstart.gallery.recognition import Recognition
    from headstart.verbs.enroll import Enrolment
    from headstart.verbs.faces import Crops
    from headstart.verbs.identify import Identification
    from headstart.verbs.verify import Verification

__all__ = ["show_crops", "show_identification", "show_told"]


def show_crops(result: Crops, console: Console) -> None:
    """Prints what was found on photos of faces."""
    console.print(f"{result.crops:,} faces of {result.photos:,} photos", markup=False)
    show_findings(result.findings, console)
    console.print(result.folder, markup=False)


def show_told(result: Enrolment | Recognition | Verification, console: Console) -> None:
    """Prints the sentences and estimates of a record of a gallery."""
    for line in result.lines():
        console.print(line, markup=False)
    if rows := result.rows():
        show_estimates(rows, console, digits=4)  # false-accept rates are small
    show_set_aside(getattr(result, "errors", {}), console)


def show_identification(result: Identification, console: Console) -> None:
    """Prints who is on each photo."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("photo", "person", "score", "most similar"):
        right = heading == "score"
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for each in result.answers:
        if each.error is not None:
            table.add_row(Text(each.photo), Text(each.error, style="red"), "", "")
            continue
        person = Text(each.person) if each.person is not None else Text("unknown", style="yellow")
        nearest = ", ".join(f"{name} {score:.3f}" for name, score in each.candidates)
        table.add_row(Text(each.photo), person, f"{each.score:.3f}", Text(nearest))
    console.print(table)
    console.print(f"Above a score of {result.threshold:.3f} a person is named.", end="")
    if result.far is not None:
        console.print(f" When that was calibrated, {result.far} of strangers were.", end="")
    console.print()
    if result.measures:
        show_estimates(list(result.measures.items()), console)
    for note in result.notes:
        console.print(note, style="yellow", markup=False)
