"""What the command line shows when a verb is done.

Nothing is computed here; every function renders a record that a verb returned.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.console.advice import show_advice, show_people_advice, show_placed_advice
from headstart.console.answers import show_predictions, show_predictions_csv
from headstart.console.audit import show_audit
from headstart.console.people import show_crops, show_gallery_result, show_identification
from headstart.console.runs import (
    show_checkup,
    show_comparison,
    show_evaluation,
    show_exported,
    show_run,
)
from headstart.options.predict import PredictOptions
from headstart.options.record import Options
from headstart.run import Run

if TYPE_CHECKING:
    from rich.console import Console

    from headstart.nets.detectors.convert import Converted
    from headstart.verbs.demo import Demo

__all__ = ["show", "written"]


def written(result: Any, options: Options) -> list[str]:
    """Returns the paths of all that a verb wrote.

    Args:
        result: What it returned.
        options: What it was told.
    """
    if isinstance(result, Run):
        return [str(result.folder)]
    if isinstance(result, Path):
        return [str(result)]
    if type(result).__name__ == "Audit":
        run = Run(Path(result.run))
        places = list(run.audit_files(result.data, result.by))
        places += [run.label_suspects] if result.labels else []  # an earlier list is not written
        return [str(place) for place in places if place.is_file()]
    named = [getattr(options, name, None) for name in ("out", "explain", "gallery")]
    if options.verb() in ("identify", "verify"):
        named = named[:2]  # who is in a gallery stays as it is
    # What had no answer has no heat map either.
    return [str(each) for each in named if each is not None and os.path.lexists(each)]


def show(result: Any, options: Options, *, quiet: bool = False) -> None:
    """Prints what a verb returned, and the paths of what it wrote.

    Args:
        result: A record of one of the verbs.
        options: What the verb was told; of `predict` also how predictions are printed.
        quiet: Only what answers, and nothing of a verb whose work is what it writes.
    """
    if quiet and not options.ANSWERS:
        return
    _show(result, options, quiet=quiet)
    if quiet or isinstance(result, Run | Path):  # they have named their file themselves
        return
    from headstart.console.screen import open_screen

    csv = isinstance(options, PredictOptions) and options.format == "csv"
    console = open_screen(stderr=csv)  # machines read the rest
    for place in written(result, options):
        console.print(f"wrote {place}", markup=False, soft_wrap=True)


def _show(result: Any, options: Options, *, quiet: bool) -> None:
    from headstart.console.screen import open_screen

    console = open_screen()
    if isinstance(result, Run):
        show_run(result, console)
    elif isinstance(options, PredictOptions) and options.format == "csv":
        show_predictions_csv(result, options.top)
    elif isinstance(options, PredictOptions):
        show_predictions(result, console, options.top, quiet=quiet)
    elif type(result).__name__ == "Identification":
        show_identification(result, console, quiet=quiet)
    elif result is None:
        return
    elif isinstance(result, Path):
        console.print(str(result), markup=False, soft_wrap=True)
    else:
        by_name: dict[str, Callable[[Any, Console], None]] = {
            "Advice": show_advice,
            "Audit": show_audit,
            "PeopleAdvice": show_people_advice,
            "PlacedAdvice": show_placed_advice,
            "Checkup": show_checkup,
            "Evaluation": show_evaluation,
            "Comparison": show_comparison,
            "Converted": _converted,
            "Crops": show_crops,
            "Demo": _demo,
            "Export": show_exported,
            "Enrolment": show_gallery_result,
            "Recognition": show_gallery_result,
            "Verification": show_gallery_result,
        }
        by_name[type(result).__name__](result, console)


def _converted(result: Converted, console: Console) -> None:
    told = f"{result.architecture}, {len(result.classes)} classes, from {result.taken}"
    proven = (
        "not proven: a checkpoint cannot be run by itself"
        if result.difference is None
        else f"answers as the file does (largest difference {result.difference:.1e} of the range)"
    )
    for line in (told, proven):
        console.print(line, markup=False, soft_wrap=True)


def _demo(result: Demo, console: Console) -> None:
    from rich.text import Text

    console.print()
    console.print(Text("headstart check", "bold"))
    show_checkup(result.checkup, console)
    console.print()
    console.print(Text("headstart train", "bold"))
    show_run(result.run, console)
    console.print()
    console.print(Text("headstart predict", "bold"))
    show_predictions(result.predictions, console, 1)
