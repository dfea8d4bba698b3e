"""Tables of faces and of galleries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.console.parts import show_estimates, show_findings, show_set_aside

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from headstart.gallery.enrolment import Enrolment
    from headstart.gallery.identification import Identification
    from headstart.gallery.recognition import Recognition
    from headstart.gallery.verification import Verification
    from headstart.video.crops import Crops

__all__ = ["show_crops", "show_identification", "show_gallery_result"]


def show_crops(result: Crops, console: Console) -> None:
    """Prints what was found on photos of faces."""
    console.print(f"{result.crops:,} faces of {result.photos:,} photos", markup=False)
    show_findings(result.findings, console)


def show_gallery_result(result: Enrolment | Recognition | Verification, console: Console) -> None:
    """Prints the sentences and estimates of a record of a gallery."""
    serious = getattr(result, "serious", False)
    for number, line in enumerate(result.lines()):
        console.print(line, style="red" if serious and not number else "", markup=False)
    if rows := result.rows():
        show_estimates(rows, console, digits=4)  # false-accept rates are small
    show_set_aside(getattr(result, "errors", {}), console)


def show_identification(result: Identification, console: Console, *, quiet: bool = False) -> None:
    """Prints who is on each photo, or in a video and when.

    Args:
        result: What `identify` found.
        console: Where to.
        quiet: Answers alone, without what else there is to know.
    """
    from headstart.console.columns import names_table
    from headstart.console.screen import cell

    rows: list[list[Text]] = []
    times = ("from", "to", "looks", "clearest at") if result.of_video else ()
    heads = ("photo", "person", "score", *times, "most similar")
    for each in result.answers:
        if each.error is not None:
            if not times:
                blank = [cell("") for _ in heads[2:]]
                rows.append([cell(each.photo), cell(each.error, style="red"), *blank])
            continue
        person = cell(each.person) if each.person is not None else cell("unknown", style="yellow")
        nearest = ", ".join(f"{name} {score:.3f}" for name, score in each.candidates)
        when: list[str] = []
        if each.seconds is not None:
            when = [f"{at:.1f} s" for at in each.seconds] + [f"{each.looks:,}"]
            when.append(f"{each.clearest:.1f} s")
        numbers = [cell(value) for value in (f"{each.score:.3f}", *when)]
        rows.append([cell(each.photo), person, *numbers, cell(nearest)])
    right = ("score", *times)
    console.print(names_table(console, heads, rows, right=right, under="most similar"))
    if times:
        for each in (each for each in result.answers if each.error is not None):
            console.print(f"{each.photo}: {each.error}", style="red", markup=False)
    if result.measures:
        show_estimates(list(result.measures.items()), console)
    if quiet:
        return
    told = f"Above a score of {result.threshold:.3f} a person is named."
    if result.far is not None:
        told += f" When that was calibrated, {result.far} of strangers were."
    console.print(told, markup=False)
    for note in result.notes:
        console.print(note, style="yellow", markup=False)
