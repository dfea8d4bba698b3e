"""What the command line shows: progress while it works, tables when it is done.

Nothing is computed here; every function renders a record that a verb returned.
"""

from __future__ import annotations

import sys
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

_ENDLESS = 10_000


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Gives a `Progress` that draws bars with the time left on standard error.

    Args:
        quiet: Draw nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda phase, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, emoji=False), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield advance


def show(result: Any, options: Options) -> None:
    """Prints what a verb returned.

    Args:
        result: A record of one of the verbs.
        options: What the verb was told; of `predict` also how predictions are printed.
    """
    from rich.console import Console

    # A pipe has no width: lines are then as long as they are, and nothing is cut.
    console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else _ENDLESS)
    if isinstance(result, Run):
        show_run(result, console)
    elif isinstance(options, PredictOptions):
        if options.format == "csv":
            show_predictions_csv(result, options.top)
        else:
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


def _demo(result: Demo, console: Console) -> None:
    console.print("\n[bold]headstart check[/]")
    show_checkup(result.checkup, console)
    console.print("\n[bold]headstart train[/]")
    show_run(result.run, console)
    console.print("\n[bold]headstart predict[/]")
    show_predictions(result.predictions, console, 1)
