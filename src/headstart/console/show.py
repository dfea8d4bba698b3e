"""What the command line shows: progress while it works, tables when it is done.

Nothing is computed here; every function renders a record that a verb returned.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.console.advice import show_advice, show_people_advice
from headstart.console.answers import show_predictions, show_predictions_csv
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

    from headstart.verbs.demo import Demo

__all__ = ["progress_bar", "show"]

# What verbs write besides what they say; all others name the folder they wrote in their tables.
_WRITTEN = {"predict": ("out", "explain"), "identify": ("out",), "verify": ("out",)}


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Gives a `Progress` that draws bars with the time left on standard error.

    Args:
        quiet: Draw nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda phase, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from headstart.console.screen import cell, open_screen

    console = open_screen(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}
        begun: dict[str, float] = {}
        told: set[str] = set()
        # What is imported and opened before the first phase takes seconds.
        waiting = bars.add_task("starting", total=None)

        def advance(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                bars.update(waiting, visible=False)
                tasks[phase] = bars.add_task(phase, total=total)
                begun[phase] = time.monotonic()
            bars.update(tasks[phase], completed=done, total=total)
            if done >= total:  # a full bar that stands says nothing: it becomes a line
                bars.remove_task(tasks.pop(phase))
                if phase not in told:
                    seconds = time.monotonic() - begun[phase]
                    console.print(cell(f"{phase}: {total:,} in {seconds:.0f} s", "dim"))
                told.add(phase)
                bars.update(waiting, description="working", visible=not tasks)

        yield advance


def show(result: Any, options: Options) -> None:
    """Prints what a verb returned.

    Args:
        result: A record of one of the verbs.
        options: What the verb was told; of `predict` also how predictions are printed.
    """
    from headstart.console.screen import open_screen

    console = open_screen()
    if isinstance(result, Run):
        show_run(result, console)
    elif isinstance(options, PredictOptions) and options.format == "csv":
        show_predictions_csv(result, options.top)
        console = open_screen(stderr=True)  # machines read the rest
    elif isinstance(options, PredictOptions):
        show_predictions(result, console, options.top)
    elif result is None:
        return
    elif isinstance(result, Path):
        console.print(str(result), markup=False)
    else:
        by_name: dict[str, Callable[[Any, Console], None]] = {
            "Advice": show_advice,
            "PeopleAdvice": show_people_advice,
            "Checkup": show_checkup,
            "Evaluation": show_evaluation,
            "Comparison": show_comparison,
            "Crops": show_crops,
            "Demo": _demo,
            "Export": show_exported,
            "Enrolment": show_gallery_result,
            "Identification": show_identification,
            "Recognition": show_gallery_result,
            "Verification": show_gallery_result,
        }
        by_name[type(result).__name__](result, console)
    for name in _WRITTEN.get(options.verb(), ()):
        if (place := getattr(options, name)) is not None:
            console.print(f"written: {place}")


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
