"""Progress on a terminal: one bar, that of the phase just now; phases that are over are lines.

A phase has its name on the screen before it starts (`progress(phase, 0, 1)`), also where nobody
knows how long it takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headstart.compute import Progress, phase_and_detail, silent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["progress_bar"]

# Phases of one step that are over sooner need no line: nobody waited for them.
_WAITED = 2.0
_WIDTH = 24
_FIRST, _ELSE = "loading libraries", "working"


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Progress]:
    """Gives a `Progress` that draws a bar with the time left on standard error.

    Args:
        quiet: Draw nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from headstart.console.screen import open_screen

    console = open_screen(stderr=True)
    phases = _Phases(console)
    with phases.shown():
        # What is imported before the first phase takes a moment.
        phases(_FIRST, 0, 1)
        yield phases
        phases.end()


class _Phases:
    """What is going on, and what is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = _bars(console)
        self._tasks: dict[str, Any] = {}
        self._spent: dict[str, float] = {}
        self._told: set[str] = set()
        self._now, self._since, self._total = "", time.monotonic(), 1

    def shown(self) -> Any:
        return self._bars

    def __call__(self, phase: str, done: int, total: int) -> None:
        name, detail = phase_and_detail(phase)
        if name != self._now:
            self._switch(name, total)
        self._total = total
        task = self._tasks[name]
        if total > 1:
            self._bars.update(task, completed=done, total=total)
        self._bars.detail = detail
        if done >= total:  # a full bar that stands says nothing: it becomes a line
            self._fold()
            self._bars.detail = ""
            if total > 1:
                self._tasks_of(_ELSE, 1)
            else:  # said to be over, as by a server that waits: nothing is drawn
                self._bars.stop()

    def end(self) -> None:
        """Folds what is left."""
        if self._now in self._tasks and self._total <= 1:
            self._fold()

    def _switch(self, name: str, total: int) -> None:
        """Turns to another phase; one of a single step is over by that."""
        if self._now in self._tasks:
            if self._total <= 1:
                self._fold()
            else:
                self._pause()
        self._tasks_of(name, total)

    def _tasks_of(self, name: str, total: int) -> None:
        self._bars.start()
        if name not in self._tasks:
            self._spent[name] = 0.0
            self._tasks[name] = self._bars.add_task(name, total=total if total > 1 else None)
        self._bars.update(self._tasks[name], visible=True)
        self._now, self._since, self._total = name, time.monotonic(), total

    def _pause(self) -> None:
        """Hides a phase that goes on later; the time until then is not its own."""
        self._spent[self._now] += time.monotonic() - self._since
        self._bars.update(self._tasks[self._now], visible=False)

    def _fold(self) -> None:
        name = self._now
        self._pause()
        self._bars.remove_task(self._tasks.pop(name))
        seconds, counted = self._spent.pop(name), self._total > 1
        self._now = ""
        if name in self._told or not (counted or seconds >= _WAITED) or name in (_FIRST, _ELSE):
            return
        self._told.add(name)
        from headstart.console.screen import cell

        many = f"{self._total:,} in " if counted else ""
        self._console.print(cell(f"{name}: {many}{seconds:.0f} s", "dim"))


def _bars(console: Console) -> Any:
    """Returns Rich's bars, with what holds just now on a line below them."""
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.table import Column
    from rich.text import Text

    from headstart.console.screen import seen

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            if task.total is None:
                return Text("")
            return Text(f"{int(task.completed):,}/{int(task.total):,}", "progress.download")

    class Left(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            if task.total is None:
                return Text(_clock(task.elapsed or 0), "progress.elapsed")
            left = task.time_remaining
            return Text("" if left is None else f"{_clock(left)} left", "progress.remaining")

    class Bars(Progress):
        detail = ""

        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            if self.detail:
                text = seen(Text(f"  {self.detail}", "dim", no_wrap=True, overflow="ellipsis"))
                yield text

    name = TextColumn(
        "{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"), markup=False
    )
    return Bars(name, BarColumn(_WIDTH), Count(), Left(), console=console, transient=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
